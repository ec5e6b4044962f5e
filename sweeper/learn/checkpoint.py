"""A checkpoint is written whole or not at all, and read as data alone."""

from pathlib import Path
from typing import Any

import torch

from sweeper.whole import written


def save(state: dict[str, Any], path: Path) -> None:
    """Write `state` (tensors and plain values) to `path`; after a crash there is the old file or the new one."""
    with written(path) as file:
        torch.save(state, file)


def step(path: Path) -> int:
    """How many reports came before the checkpoint at `path`; 0 where there is none."""
    return len(load(path)["reports"]) if path.exists() else 0


def load(path: Path) -> dict[str, Any]:
    """The state saved at `path`. It is read as data: nothing in the file is executed."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
