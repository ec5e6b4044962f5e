"""Optuna's journal on a file that survives kill -9: one writer, and a number and a checksum on every line.

    17 9f3a1c2e {"op_code": 4, ...}

A record counts once it is on the disk. On opening, what a crash left of a half-written last record is cut off; damage
before the last record is an error that names the line, never skipped. (Optuna's own file backend is ruined by an
append after a torn line, accepts an altered digit, and waits 30 s on the lock of a dead process.)
"""

import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from optuna.storages.journal import BaseJournalBackend

from sweeper.errors import BusyError, RecordError


class Journal(BaseJournalBackend):
    """The records of one sweep. Holds a lock on the file until `close`."""

    def __init__(self, path: Path) -> None:
        """Open or create the journal. Raises BusyError where it is open elsewhere, RecordError where it is damaged."""
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(f"{path}.lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise BusyError(
                f"{path.parent}: another sweeper drives this sweep; wait for it, or end it and run again"
            ) from None
        try:
            self._records, whole = _parse(path, path.read_bytes() if path.exists() else b"")
            self._file = path.open("ab")
            self._file.truncate(whole)
        except BaseException:
            self._lock.release()
            raise

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """The records from this number on."""
        return self._records[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records, and return once they are on the disk."""
        first = len(self._records)
        lines = [_line(first + k, json.dumps(record)) for k, record in enumerate(logs)]
        self._file.write(b"".join(lines))
        self._file.flush()
        os.fdatasync(self._file.fileno())
        self._records += logs

    def close(self) -> None:
        """Close the file and let go of the lock."""
        self._file.close()
        self._lock.release()


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
    records: list[dict[str, Any]] = []
    lines = data.split(b"\n")[:-1]
    whole = 0
    for number, line in enumerate(lines):
        found = _record(line)
        if found is None or found[0] != number:
            if any(_record(later) for later in lines[number:]):
                raise RecordError(
                    f"{path}:{number + 1}: this record is damaged or missing and whole ones follow, so the file was "
                    f"altered after it was written; restore a copy, or move {path.parent} away to start the sweep anew"
                )
            break
        records.append(found[1])
        whole += len(line) + 1
    return records, whole
