"""fsspec: checkpoints in a folder that machines share, or a bucket (s3, gs, abfs), for trials whose node is lost.

A file is there whole or not at all: it is written beside its place and then moved. What another machine may read at the
same moment is never written over in part.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import fsspec

from sweeper.atomic_write import atomic_write
from sweeper.errors import UsageError


class SharedStorage:
    """The port Storage: files of trials at `url`/NUMBER/, where `url` is a folder or what fsspec knows."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._kept: dict[Path, int] = {}  # files here that are there too, and when they were last written

    def fetch(self, folder: Path) -> None:
        """Bring what is kept of a trial."""
        with self._opened(folder) as (files, place):
            for path in _names(files, place):
                name = Path(path).name
                if not (folder / name).exists() and not name.startswith("."):
                    with atomic_write(folder / name) as file:
                        files.get_file(path, file)
                    self._kept[folder / name] = (folder / name).stat().st_mtime_ns

    def save(self, folder: Path, attempt: int) -> None:
        """Keep an attempt's files. One whose successor has written its own finds nothing to remove."""
        with self._opened(folder) as (files, place):
            own = sorted(folder.glob(f"[!.]*-{attempt}.pt"))
            if own:
                files.makedirs(place, exist_ok=True)
            for path in own:
                stamp = path.stat().st_mtime_ns
                if self._kept.get(path) == stamp:
                    continue
                beside = f"{place}/.{path.name}-{secrets.token_hex(4)}"
                files.put_file(str(path), beside)
                files.mv(beside, f"{place}/{path.name}")
                self._kept[path] = stamp
            if any(path.name.startswith("checkpoint") for path in own):
                earlier = [f"*-{number}.pt" for number in range(1, attempt)]
                _remove(files, _names(files, place), earlier)

    def delete(self, folder: Path, patterns: Sequence[str]) -> None:
        """Remove files, and the place itself where none is left."""
        with self._opened(folder) as (files, place):
            _remove(files, _names(files, place), patterns)
            with suppress(OSError):
                files.rmdir(place)

    @contextmanager
    def _opened(self, folder: Path) -> Iterator[tuple[Any, str]]:
        """The file system and a trial's place in it; what the libraries of its kind raise comes out as OSError."""
        try:
            files, root = fsspec.core.url_to_fs(self.url)
            yield files, f"{root}/{folder.name}"
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error


def _names(files: Any, place: str) -> list[str]:
    files.invalidate_cache()  # of what others may have changed
    try:
        return list(files.ls(place, detail=False))
    except FileNotFoundError:
        return []


def _remove(files: Any, names: Sequence[str], patterns: Sequence[str]) -> None:
    for path in names:
        if any(fnmatch(Path(path).name, pattern) for pattern in patterns):
            with suppress(FileNotFoundError):
                files.rm_file(path)


def check_shared_storage(url: str, everywhere: Callable[[Callable[[], str]], Mapping[str, str]]) -> None:
    """Write a word at `url` and have every machine read it. Raises UsageError, naming a machine, where one cannot."""
    word = secrets.token_hex(8)
    try:
        files, root = fsspec.core.url_to_fs(url)
        files.makedirs(root, exist_ok=True)
        place = f"{root}/.probe-{word}"
        files.pipe_file(place, word.encode())
    except Exception as error:
        raise UsageError(f"storage: {url}: cannot be written from here ({_why(error)})") from None
    try:
        for name, trouble in everywhere(partial(read_probe, url, word)).items():
            if trouble:
                raise UsageError(
                    f"storage: {url}: is not shared: {name} does not find there what was written here ({trouble}); "
                    "name a folder that every node mounts at this place, or a bucket that each can reach"
                )
    finally:
        with suppress(Exception):
            files.rm_file(place)


def read_probe(url: str, word: str) -> str:
    """Why the word cannot be read at `url` on this machine; empty where it can."""
    try:
        files, root = fsspec.core.url_to_fs(url)
        return "" if files.cat_file(f"{root}/.probe-{word}") == word.encode() else "another word"
    except Exception as error:
        return _why(error)


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
