"""The free space where a folder is, or would be made."""

import shutil
from pathlib import Path

from sweeper.errors import UsageError


def existing_parent(folder: Path) -> Path:
    """Return `folder`, or the nearest folder above it that exists."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())


def free_bytes(folder: Path) -> int:
    """Return the number of free bytes where `folder` is, or would be made."""
    return shutil.disk_usage(existing_parent(folder)).free


def require_space(folder: Path, free: int, needed: int) -> None:
    """Raise UsageError if fewer than `needed` bytes are free."""
    if free < needed:
        raise UsageError(
            f"--sweeps: {folder} has {free / 1e9:,.1f} GB free, but the checkpoints of running trials need "
            f"{needed / 1e9:,.1f} GB; free some space, or name another folder"
        )
