"""A checkpoint is written whole or not at all: to a file beside it, flushed to the disk, then renamed over it."""

import os
import tempfile
from pathlib import Path
from typing import Any

import torch


def save(state: dict[str, Any], path: Path) -> None:
    """Write `state` (tensors and plain values) to `path`; after a crash there is the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def step(path: Path) -> int:
    """How many reports came before the checkpoint at `path`; 0 where there is none."""
    return len(load(path)["reports"]) if path.exists() else 0


def load(path: Path) -> dict[str, Any]:
    """The state saved at `path`. It is read as data: nothing in the file is executed."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
