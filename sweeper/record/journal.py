"""Optuna's journal on a file that survives kill -9: one writer, and a number and a checksum on every line.

    sweeper record 1
    0 9f3a1c2e {"op_code": 4, ...}

The first line has the format's number. A record counts once it is on the disk. On opening, what a crash left of a
half-written last record is cut off; damage before the last record is an error that names the line, never skipped.
(Optuna's own file backend is ruined by an append after a torn line, accepts an altered digit, and waits 30 s on the
lock of a dead process.)
"""

import json
import os
import re
import socket
import time
import zlib
from collections.abc import Container, Iterable
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial, TrialState

from sweeper.errors import RecordError, StorageError, SweepLockedError

FORMAT = 1  # a change that this reader could not read takes the next number
_HEADER = f"sweeper record {FORMAT}\n".encode()


class Journal(BaseJournalBackend):
    """The records of one sweep. Holds a lock on the file until `close`; `dropped` bytes of a torn tail were cut off."""

    def __init__(self, path: Path) -> None:
        """Open or create the journal.

        Raises BusyError where it is open elsewhere, RecordError where it is damaged, StorageError where the disk does
        not take it.
        """
        self.path = path
        self._lock = FileLock(f"{path}.lock", timeout=0)
        self._file: FileIO | None = None
        self._hold()
        try:
            self._open()
        except OSError as error:
            self.close()
            raise StorageError(path, error) from None
        except BaseException:
            self.close()
            raise

    def _hold(self) -> None:
        """Take the lock, or say who has it."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise SweepLockedError(
                f"{self.path.parent}: another sweeper drives this sweep{_driver(self.path)}; "
                "wait for it, or end it and run again"
            ) from None
        except OSError as error:
            raise StorageError(self.path, error) from None

    def _open(self) -> None:
        """Read what is there, and cut off what a crash left of a half-written record."""
        data = self.path.read_bytes() if self.path.exists() else b""
        self._records, self._whole = _parse(self.path, data)
        self.dropped = len(data) - self._whole
        self._file = self.path.open("ab", buffering=0)  # a buffer would keep what a full disk did not take
        self._file.truncate(self._whole)
        if not self._whole:
            self._append(_HEADER)
        holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
        _holder(self.path).write_text(json.dumps(holder), encoding="utf-8")

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """The records from this number on."""
        return self._records[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records, and return once they are on the disk."""
        first = len(self._records)
        lines = [_line(first + k, json.dumps(record)) for k, record in enumerate(logs)]
        self._append(b"".join(lines))
        self._records += logs

    def _append(self, data: bytes) -> None:
        """Write and flush to the disk. What it does not take whole is cut off again: the record stays readable."""
        assert self._file is not None
        try:
            if self._file.tell() != self._whole:
                self._file.truncate(self._whole)
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fdatasync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._whole)
            raise StorageError(self.path, error) from None
        self._whole += len(data)

    def close(self) -> None:
        """Close the file and let go of the lock."""
        if self._file is not None:
            self._file.close()
        self._lock.release()


class RecordStorage(JournalStorage):
    """Optuna's storage over a journal."""

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The trials of a study in these states. None of sweeper's waits, for which Optuna looks at each proposal."""
        return [] if states == (TrialState.WAITING,) else super().get_all_trials(study_id, deepcopy, states)


def _holder(path: Path) -> Path:
    """Beside the journal: who holds it. Not in the lock's own file, which a second driver would empty by trying."""
    return path.with_name(f"{path.name}.holder")


def _driver(path: Path) -> str:
    """Which process holds the journal, in words; nothing where that cannot be told."""
    try:
        holder = json.loads(_holder(path).read_text(encoding="utf-8"))
        return f", process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (OSError, ValueError, KeyError):
        return ""


def _line(number: int, text: str) -> bytes:
    return f"{number} {zlib.crc32(f'{number} {text}'.encode()):08x} {text}\n".encode()


def _record(line: bytes) -> tuple[int, dict[str, Any]] | None:
    """The number and the record on a line; None where the line is not whole."""
    try:
        number, _, text = line.decode().split(" ", 2)
        return (int(number), json.loads(text)) if line + b"\n" == _line(int(number), text) else None
    except ValueError:
        return None


def _parse(path: Path, data: bytes) -> tuple[list[dict[str, Any]], int]:
    """The records in `data`, and the length in bytes of its whole part."""
    if _HEADER.startswith(data):  # nothing yet, or a header that a crash cut short
        return [], len(data) if data == _HEADER else 0
    first, _, rest = data.partition(b"\n")
    header = re.fullmatch(rb"sweeper record (\d+)", first)
    if header and int(header[1]) != FORMAT:
        raise RecordError(
            f"{path}: is a record of format {int(header[1])}, and this sweeper reads format {FORMAT}; go on with the "
            "version that wrote it, or start anew with --fresh"
        )
    if not header:
        raise _damaged(path, 1)
    records: list[dict[str, Any]] = []
    lines = rest.split(b"\n")[:-1]
    whole = len(_HEADER)
    for number, line in enumerate(lines):
        found = _record(line)
        if found is None or found[0] != number:
            if any(_record(later) for later in lines[number:]):
                raise _damaged(path, number + 2)
            break
        records.append(found[1])
        whole += len(line) + 1
    return records, whole


def _damaged(path: Path, line: int) -> RecordError:
    return RecordError(
        f"{path}:{line}: this record is damaged or missing, and not by a crash: the file was altered after it was "
        "written; restore a copy, or start the sweep anew with --fresh"
    )
