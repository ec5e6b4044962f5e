"""The journal of a sweep as it is now, for readers: without a lock, and without a byte written to the disk."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

from sweeper.errors import RecordError
from sweeper.record.journal import parse_entries

_REMEDY = "correct that, or restore a copy of the record"


class JournalSnapshot(BaseJournalBackend):
    """The entries that the journal has when it is read. Entries that Optuna appends stay in memory.

    `truncated_bytes` is the length of a half-written entry at its end, which is left out: a crash left it, or a driver
    is writing it. The file keeps it.
    """

    def __init__(self, path: Path) -> None:
        """Read the journal; a missing file has no entries. Raises RecordError if it is damaged or unreadable."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise RecordError(f"{path}: cannot be read: {error.strerror or error}; {_REMEDY}") from None
        self._entries, length = parse_entries(path, data)
        self.truncated_bytes = len(data) - length

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Return the entries from this number on."""
        return self._entries[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append entries in memory."""
        self._entries += logs

    def close(self) -> None:
        """Do nothing: no file is open."""
