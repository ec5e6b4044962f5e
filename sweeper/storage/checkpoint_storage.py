"""Trial files in a place that all machines share, so that a lost node does not take them with it. Uses fsspec.

The place is a folder that all nodes mount, or a bucket (s3, gs, abfs). A file is written under a temporary name and
then moved, so another machine never reads half of it.
"""

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import fsspec

from sweeper.atomic_write import atomic_write
from sweeper.errors import UsageError
from sweeper.storage.trial_files import attempt_files, patterns_up_to

_LONGEST_ERROR = 200  # characters
_PIECE = 1 << 20  # bytes that are copied at once


class SharedStorage:
    """A CheckpointStorage that keeps the files of a trial at `url`/NUMBER/. `url` is anything that fsspec knows."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._synced: dict[Path, int] = {}  # local files that are in the storage, and their modification time (ns)

    def fetch(self, folder: Path) -> None:
        """Copy the trial's stored files into `folder`. Files that exist there already are left as they are."""
        with self._open(folder) as (filesystem, stored_folder):
            for stored in _list_files(filesystem, stored_folder):
                name = Path(stored).name
                path = folder / name
                if not path.exists() and not name.startswith("."):
                    with filesystem.open(stored, "rb") as source, atomic_write(path) as file:
                        shutil.copyfileobj(source, file, _PIECE)
                    self._synced[path] = path.stat().st_mtime_ns

    def save(self, folder: Path, attempt: int) -> None:
        """Store the files of an attempt, and delete those of earlier attempts once it has its own checkpoint.

        The files of later attempts are never touched: an attempt that was given up may still be writing.
        """
        with self._open(folder) as (filesystem, stored_folder):
            paths = attempt_files(folder, attempt)
            if paths:
                filesystem.makedirs(stored_folder, exist_ok=True)
            for path in paths:
                modified = path.stat().st_mtime_ns
                if self._synced.get(path) == modified:
                    continue
                _put_file(filesystem, path, stored_folder)
                self._synced[path] = modified
            if any(path.name.startswith("checkpoint") for path in paths):
                stored_files = _list_files(filesystem, stored_folder)
                _delete_matching(filesystem, stored_files, patterns_up_to(attempt - 1))

    def delete(self, folder: Path, patterns: Sequence[str]) -> None:
        """Delete the trial's stored files that match a pattern, and the stored folder if it is empty then."""
        with self._open(folder) as (filesystem, stored_folder):
            _delete_matching(filesystem, _list_files(filesystem, stored_folder), patterns)
            with suppress(OSError):
                filesystem.rmdir(stored_folder)

    @contextmanager
    def _open(self, folder: Path) -> Iterator[tuple[Any, str]]:
        """Yield the file system and the trial's stored folder. Every error of a storage library becomes an OSError."""
        try:
            filesystem, root = fsspec.core.url_to_fs(self.url)
            yield filesystem, f"{root}/{folder.name}"
        except OSError:
            raise
        except Exception as error:
            raise OSError(_describe_error(error)) from error


def _put_file(filesystem: Any, path: Path, folder: str) -> None:
    """Store a file. If that fails, nothing of it stays: each further try would take more of a full disk."""
    temporary = f"{folder}/.{path.name}-{secrets.token_hex(4)}"
    try:
        filesystem.put_file(str(path), temporary)
        filesystem.mv(temporary, f"{folder}/{path.name}")
    except BaseException:
        with suppress(Exception):  # it may not be there, or the storage is gone; the first error is the one to tell
            filesystem.rm_file(temporary)
        raise


def _list_files(filesystem: Any, folder: str) -> list[str]:
    filesystem.invalidate_cache()  # other machines may have changed the listing
    try:
        return list(filesystem.ls(folder, detail=False))
    except FileNotFoundError:
        return []


def _delete_matching(filesystem: Any, paths: Sequence[str], patterns: Sequence[str]) -> None:
    for path in paths:
        if any(fnmatch(Path(path).name, pattern) for pattern in patterns):
            with suppress(FileNotFoundError):
                filesystem.rm_file(path)


def check_shared_storage(url: str, run_on_all_nodes: Callable[[Callable[[], str]], Mapping[str, str]]) -> None:
    """Write a token at `url` and let every machine read it.

    `run_on_all_nodes` calls a function on each machine and returns its answers by name of machine.
    Raises UsageError if the token cannot be written here, or read on a machine, which the message names.
    """
    token = secrets.token_hex(8)
    try:
        filesystem, root = fsspec.core.url_to_fs(url)
        filesystem.makedirs(root, exist_ok=True)
        probe = f"{root}/.probe-{token}"
        filesystem.pipe_file(probe, token.encode())
    except Exception as error:
        rule = f"cannot be written from this machine ({_describe_error(error)})"
        raise UsageError(f"storage: {url}: {rule}; name a folder or bucket that you may write") from None
    try:
        for machine, problem in run_on_all_nodes(partial(read_probe, url, token)).items():
            if problem:
                raise UsageError(
                    f"storage: {url}: not shared: {machine} cannot read what was written there ({problem}); "
                    "name a folder that every node mounts at this path, or a bucket that every node can reach"
                )
    finally:
        with suppress(Exception):
            filesystem.rm_file(probe)


def read_probe(url: str, token: str) -> str:
    """Return the reason why the token cannot be read at `url` on this machine, or "" if it can."""
    try:
        filesystem, root = fsspec.core.url_to_fs(url)
        return "" if filesystem.cat_file(f"{root}/.probe-{token}") == token.encode() else "its content is different"
    except Exception as error:
        return _describe_error(error)


def _describe_error(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:_LONGEST_ERROR]}"
