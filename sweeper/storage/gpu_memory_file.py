"""The file with a sweep's measurements of GPU memory, so that they are made once."""

from pathlib import Path

from pydantic import ValidationError

from sweeper.atomic_write import atomic_write
from sweeper.trials.gpu_memory import GpuMemory

_NAME = "gpu_memory.json"


def load_gpu_memory(folder: Path) -> GpuMemory | None:
    """Return the measurements in a sweep's folder; None if there are none, or they cannot be read: they can be made."""
    try:
        return GpuMemory.model_validate_json((folder / _NAME).read_bytes())
    except (OSError, ValidationError):
        return None


def save_gpu_memory(folder: Path, memory: GpuMemory) -> None:
    """Write the measurements of a sweep atomically."""
    with atomic_write(folder / _NAME) as file:
        file.write((memory.model_dump_json(indent=2) + "\n").encode())
