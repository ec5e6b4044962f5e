"""Checks of the files of a custom data set: that they exist, and that no two splits are the same file."""

import errno
import filecmp
import itertools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from sweeper.search_space.issue import SpecIssue


def check_files(files: Mapping[str, str]) -> Iterator[SpecIssue]:
    """Yield the issues of files by split."""
    missing = [split for split, path in files.items() if not _is_file(path)]
    for split in missing:
        yield SpecIssue(("dataset", split), _describe_missing(files[split]))
    for first, second in itertools.combinations([split for split in files if split not in missing], 2):
        if _have_equal_bytes(files[first], files[second]):
            rule = f"is the same data as {first}, got {files[second]}; a split must have rows of its own"
            yield SpecIssue(("dataset", second), rule)


def _describe_missing(path: str) -> str:
    with suppress(OSError):  # a name that is too long
        if Path(path).is_dir():
            return f"is a folder, got {path}; name a file in it"
    return f"no such file, got {path}; it is looked for beside this file, then in the working directory"


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False


def _have_equal_bytes(first: str, second: str) -> bool:
    """Return True for one file under two paths and for equal copies. An empty or unreadable file is no copy."""
    try:
        return Path(first).stat().st_size > 0 and filecmp.cmp(first, second, shallow=False)
    except OSError:
        return False
