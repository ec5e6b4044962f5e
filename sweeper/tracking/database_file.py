"""Notices that the file of an SQLite store was moved away or replaced while this process has it open.

MLflow keeps its connections. On a file that was moved they go on reading, and refuse to write.
"""

import errno
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, exc

_FILE = "sweeper.file"  # of a connection: its database, and the identity of the file behind it
_watched: set[Path] = set()


def watch(path: Path) -> None:
    """From now on, connect again where the database at `path` is another file, and raise an error where it is gone."""
    if not _watched:
        event.listen(Engine, "connect", _note_file)
        event.listen(Engine, "checkout", _require_file)
    _watched.add(path.resolve())


def _note_file(connection: Any, record: Any) -> None:
    with suppress(Exception):  # another kind of database, or one in memory
        for _, _, file in connection.execute("PRAGMA database_list"):
            if file and Path(file) in _watched:
                record.info[_FILE] = file, _identity(file)


def _require_file(_connection: Any, record: Any, _proxy: Any) -> None:
    if _FILE not in record.info:
        return
    file, identity = record.info[_FILE]
    present_identity = _identity(file)
    if present_identity is None:
        raise FileNotFoundError(errno.ENOENT, "the database was moved away", file)
    if present_identity != identity:
        raise exc.DisconnectionError("the database was replaced")  # SQLAlchemy connects again


def _identity(file: str) -> tuple[int, int] | None:
    try:
        status = Path(file).stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
