"""The free space where a folder is, or would be made."""

import shutil
from pathlib import Path


def existing_parent(folder: Path) -> Path:
    """Return `folder`, or the nearest folder above it that exists."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


def free_bytes(folder: Path) -> int:
    """Return the number of free bytes where `folder` is, or would be made."""
    return shutil.disk_usage(existing_parent(folder)).free
