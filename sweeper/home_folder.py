"""The user's home folder in paths that they write."""

from os import PathLike
from pathlib import Path


def expand_home(path: str | PathLike[str]) -> Path:
    """Return `path` with the home folder in place of a leading `~` or `~USER`.

    A path of a user whom this machine does not know stays as it is, as in a shell.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
