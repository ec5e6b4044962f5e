"""The journal file that holds the record, as a backend for Optuna's storage. It survives kill -9.

    sweeper record 2
    0 9f3a1c2e {"op_code": 4, ...}

The first line has the number of the format. Each line after it has a number, a checksum and one entry. An entry counts
once it is on the disk. Opening the file cuts off an entry that a crash left half written at the end. Damage before the
last entry is an error that names the line; it is never skipped. Only one process may hold the file.
(Optuna's own file backend is ruined by an append after a torn line, accepts an altered digit, and waits 30 s on the
lock of a dead process.)
"""

import json
import re
import zlib
from collections.abc import Iterable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from optuna.storages.journal import BaseJournalBackend

from sweeper.atomic_write import flush_to_disk
from sweeper.errors import RecordError, StorageError
from sweeper.storage.record_lock import lock_path, locked_error, write_holder

FORMAT = 2  # raise it when a change makes records unreadable for older versions
_HEADER = f"sweeper record {FORMAT}\n".encode()


class Journal(BaseJournalBackend):
    """The journal of one sweep. It holds a lock on the file until `close`.

    `truncated_bytes` is the length of a half-written entry that opening the file has cut off.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the journal.

        Raises SweepLockedError if another process holds it, RecordError if it is damaged or of another format, and
        StorageError if the disk does not take it.
        """
        self.path = path
        self._lock = FileLock(lock_path(path), timeout=0)
        self._file: FileIO | None = None
        self._acquire_lock()
        try:
            self._open()
        except OSError as error:
            self.close()
            raise StorageError(path, error) from None
        except BaseException:
            self.close()
            raise

    def _acquire_lock(self) -> None:
        """Acquire the lock. Raise SweepLockedError, with the process that holds it, or StorageError."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise locked_error(self.path) from None
        except OSError as error:
            raise StorageError(self.path, error) from None

    def _open(self) -> None:
        """Read the entries, and cut off one that a crash left half written.

        The note of the driver is written before, because reading may take seconds, and requests name the driver. Beside
        a record that does not exist yet it would look like what is left of a lost one.
        """
        is_there = self.path.exists()
        if is_there:
            write_holder(self.path)
        data = self.path.read_bytes() if is_there else b""
        self._entries, self._valid_bytes = parse_entries(self.path, data)
        self.truncated_bytes = len(data) - self._valid_bytes
        self._file = self.path.open("ab", buffering=0)  # a buffer would hold back bytes that a full disk refuses
        self._file.truncate(self._valid_bytes)
        if not self._valid_bytes:
            self._append(_HEADER)
        if not is_there:
            write_holder(self.path)

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Return the entries from this number on."""
        return self._entries[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append entries, and return once they are on the disk. Raises StorageError."""
        first = len(self._entries)
        lines = [_format_line(first + k, json.dumps(entry)) for k, entry in enumerate(logs)]
        self._append(b"".join(lines))
        self._entries += logs

    def _append(self, data: bytes) -> None:
        """Write to the disk and flush.

        If the disk does not take all of it, cut off what it took: the file stays readable. Raises StorageError.
        """
        assert self._file is not None
        try:
            if self._file.tell() != self._valid_bytes:
                self._file.truncate(self._valid_bytes)
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            flush_to_disk(self._file.fileno(), content_only=True)
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._valid_bytes)
            raise StorageError(self.path, error) from None
        self._valid_bytes += len(data)

    def close(self) -> None:
        """Close the file and release the lock."""
        if self._file is not None:
            self._file.close()
        self._lock.release()


def _format_line(number: int, text: str) -> bytes:
    return f"{number} {zlib.crc32(f'{number} {text}'.encode()):08x} {text}\n".encode()


def _parse_line(line: bytes) -> tuple[int, dict[str, Any]] | None:
    """Return the number and the entry of a line, or None if the line is not intact."""
    try:
        number, _, text = line.decode().split(" ", 2)
        return (int(number), json.loads(text)) if line + b"\n" == _format_line(int(number), text) else None
    except ValueError:
        return None


def parse_entries(path: Path, data: bytes) -> tuple[list[dict[str, Any]], int]:
    """Return the entries in `data`, and the length in bytes of its intact part. Raises RecordError."""
    if _HEADER.startswith(data):  # an empty file, or a header that a crash cut short
        return [], len(data) if data == _HEADER else 0
    first, _, rest = data.partition(b"\n")
    _check_header(path, first)
    entries: list[dict[str, Any]] = []
    lines = rest.split(b"\n")[:-1]
    length = len(_HEADER)
    for number, line in enumerate(lines):
        numbered = _parse_line(line)
        if numbered is None or numbered[0] != number:
            if any(_parse_line(later) for later in lines[number:]):
                raise _damage(path, number + 2)
            break
        entries.append(numbered[1])
        length += len(line) + 1
    return entries, length


def _check_header(path: Path, line: bytes) -> None:
    """Raise RecordError if the first line is not the header of this format."""
    header = re.fullmatch(rb"sweeper record (\d+)", line)
    if header is None:
        raise _damage(path, 1)
    if int(header[1]) != FORMAT:
        raise RecordError(
            f"{path}: this record has format {int(header[1])}, and this version of sweeper reads format {FORMAT}; "
            "continue with the version that wrote it, or start again with --fresh"
        )


def _damage(path: Path, line: int) -> RecordError:
    return RecordError(
        f"{path}:{line}: this record is damaged or missing, and not by a crash: the file was changed after it was "
        "written; restore a copy, or start the sweep again with --fresh"
    )
