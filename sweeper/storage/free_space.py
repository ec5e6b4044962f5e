"""Whether a folder that may not exist yet can be written, and its free space. Nothing is left behind."""

import shutil
import tempfile
from pathlib import Path

from sweeper.errors import UsageError


def free_bytes(folder: Path) -> int:
    """Return the free bytes where `folder` is or would be made. Raises UsageError if it cannot be written."""
    folder = folder.expanduser().absolute()
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            return shutil.disk_usage(nearest).free
    except OSError as error:
        raise UsageError(
            f"--sweeps: {folder} cannot be written ({error.strerror or error}); name another folder"
        ) from None


def require_space(folder: Path, free: int, needed: int) -> None:
    """Raise UsageError if fewer than `needed` bytes are free."""
    if free < needed:
        raise UsageError(
            f"--sweeps: {folder} has {free / 1e9:,.1f} GB free, but the checkpoints of running trials need "
            f"{needed / 1e9:,.1f} GB; free some space, or name another folder"
        )
