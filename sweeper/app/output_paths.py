"""Checks of the paths that a command will write to, before it does any work."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sweeper.errors import UsageError
from sweeper.wording import quote_value


def require_writable_file(option: str, path: Path) -> None:
    """Raise UsageError if no file can be written at `path`. Its folder must exist. `option` is such as `--out`."""
    if _exists(path) and not path.is_file():
        raise UsageError(f"{option} {path}: is a folder; name a file, such as {path / 'result'}")
    _require_parent(option, path)


def require_other_file(option: str, path: Path, read: Path) -> None:
    """Raise UsageError if `path` is the file that the command reads, also by a link or another spelling."""
    try:
        is_same = path.samefile(read)
    except OSError:  # one of them is not there
        return
    if is_same:
        raise UsageError(f"{option} {path}: is the file that is read; name another")


def require_writable_folder(option: str, path: Path) -> None:
    """Raise UsageError if `path` is no folder that can be written to. Its parent must exist."""
    if not _exists(path):
        _require_parent(option, path)
        return
    if not path.is_dir():
        raise UsageError(f"{option} {path}: is a file; name a folder")
    _require_writable(option, path, path)


def require_sweeps_folder(path: Path) -> None:
    """Raise UsageError if the folder of the sweeps cannot be written to, or cannot be made where it is missing."""
    existing = path.absolute()
    while not _exists(existing):
        existing = existing.parent
    if not existing.is_dir():
        raise UsageError(f"--sweeps {path}: {existing} is a file; name a folder")
    _require_writable("--sweeps", path, existing)


def format_of_file(path: Path | None, endings: Mapping[str, str], default: str, remedy: str = "") -> str:
    """Return the format that the ending of `--out` names; the default without a file or an ending.

    `endings` are formats by the endings of their files, such as .csv. Raises UsageError for another ending, with the
    `remedy` of the command.
    """
    ending = "" if path is None else path.suffix.lower()
    if not ending:
        return default
    if ending not in endings:
        rule = f"no format has the ending {quote_value(ending)}, allowed: {', '.join(endings)}"
        raise UsageError(f"--out {path}: {rule}{remedy and f'; {remedy}'}")
    return endings[ending]


def _require_parent(option: str, path: Path) -> None:
    parent = path.absolute().parent
    if not _exists(parent):
        raise UsageError(f"{option} {path}: the folder {parent} does not exist; make it, or name another")
    if not parent.is_dir():
        raise UsageError(f"{option} {path}: {parent} is a file; name a path in a folder")
    _require_writable(option, path, parent)


def _require_writable(option: str, path: Path, folder: Path) -> None:
    """Make a folder in `folder` and delete it: permission bits do not tell what a file system allows."""
    try:
        with tempfile.TemporaryDirectory(prefix=".sweeper-", dir=folder):
            pass
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UsageError(f"{option} {path}: {folder} cannot be written ({reason}); name another folder") from None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
