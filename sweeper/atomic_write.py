"""Writing a file so that it exists completely or not at all.

The content goes to a temporary file in the same folder, is flushed to the disk, and then takes the file's place.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


def flush_to_disk(descriptor: int, *, content_only: bool = False) -> None:
    """Return once a file is on the disk itself, and would survive a power cut. Raises OSError.

    With `content_only`, its times and permissions may be lost, which is faster where the system can do that. On macOS,
    fsync leaves the data in the drive's cache; F_FULLFSYNC empties that too (Apple's manual page of fsync).
    """
    full_sync = getattr(fcntl, "F_FULLFSYNC", None)
    if full_sync is not None:
        with suppress(OSError):  # some file systems, such as network shares, do not have it
            fcntl.fcntl(descriptor, full_sync)
            return
    sync = getattr(os, "fdatasync", os.fsync) if content_only else os.fsync
    sync(descriptor)


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that replaces `path` when the block ends. Missing folders are made; everybody may read the file.

    After a crash or an exception in the block, the previous file is still there. Raises OSError, which names `path`,
    or a folder above it that cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    name = ""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            flush_to_disk(file.fileno())
        Path(name).replace(path)
    except BaseException as error:
        if name:
            Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and _is_unnamed(error, path):
            error.filename = str(path)
        raise


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file atomically."""
    with atomic_write(path) as file:
        file.write((json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())


def _is_unnamed(error: OSError, path: Path) -> bool:
    """Return True if an error names no file, as one of a write on a full disk, or a temporary file of `path`."""
    named = error.filename
    return not isinstance(named, str) or Path(named).name.startswith(f".{path.name}-")
