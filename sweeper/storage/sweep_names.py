"""Names of sweeps, as every command takes them: a folder, a file in it such as sweep.yaml, or a name in `sweeps`."""

import difflib
import os
from collections.abc import Iterable
from contextlib import suppress
from os import PathLike
from pathlib import Path

from sweeper.errors import UsageError
from sweeper.home_folder import expand_home
from sweeper.storage.sweep_folder import MANIFEST, SweepFolder, open_sweep

_MAX_LISTED = 10  # names in a message
_EXAMPLE = "sst5-3f9a1c2e"


def find_named_sweep(name: str | PathLike[str], sweeps: Path) -> SweepFolder:
    """Return the sweep that `name` names: its folder, a file in this folder, or its name in the folder `sweeps`.

    Raises UsageError if there is none, with the sweeps that are there, the nearest name first, or if it is damaged.
    """
    require_folder(sweeps)
    path = named_folder(name, sweeps)
    if path is None:
        raise UsageError(_unknown_sweep(os.fspath(name), sweeps))
    return open_sweep(path)


def named_folder(name: str | PathLike[str], sweeps: Path) -> Path | None:
    """Return the folder of the sweep that `name` names, or None if there is none."""
    given = expand_home(name)
    for path in (given, sweeps / given):
        folder = path.parent if _is_file(path) else path
        if _is_file(folder / MANIFEST):
            return folder if folder.name not in ("", "..") else folder.resolve()
    return None


def require_folder(sweeps: Path) -> None:
    """Raise UsageError if the folder of the sweeps is something else, such as a file."""
    with suppress(OSError):
        if sweeps.exists() and not sweeps.is_dir():
            raise UsageError(f"--sweeps {sweeps}: is a file; name the folder that holds the sweeps")


def _is_file(path: Path) -> bool:
    """Return True if `path` is a file. A name that no file can have, such as one that is too long, is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _unknown_sweep(name: str, sweeps: Path) -> str:
    """Return the message that lists the sweeps that are there: those in the folder `name` if any, else in `sweeps`."""
    for folder in (Path(name), sweeps):
        known = [path.parent.name for path in _manifests(folder)]
        if known:
            return f"{name}: not a sweep; {folder} has {_list_nearest_first(name, known)}"
    where = "has none" if sweeps.is_dir() else "does not exist"
    return f"{name}: not a sweep, and {sweeps} {where}; name a folder such as sweeps/{_EXAMPLE}, or use --sweeps"


def _manifests(folder: Path) -> Iterable[Path]:
    try:
        return sorted(folder.glob(f"*/{MANIFEST}"))
    except (OSError, ValueError):
        return ()


def _list_nearest_first(name: str, known: list[str]) -> str:
    word = Path(name).name
    nearest = sorted(known, key=lambda other: -difflib.SequenceMatcher(None, word, other).ratio())
    more = f" and {len(known) - _MAX_LISTED} more" if len(known) > _MAX_LISTED else ""
    return ", ".join(nearest[:_MAX_LISTED]) + more
