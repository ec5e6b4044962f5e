"""A checkpoint is written whole or not at all, and read as data alone, after its checksum was found right.

The file is what torch.save writes, and behind it `sweeper` and a CRC-32 in 8 digits: torch itself does not notice an
altered byte, and a training that goes on from one gives other numbers without a word.
"""

import pickle
import zlib
from pathlib import Path
from typing import IO, Any, cast

import torch

from sweeper.atomic_write import atomic_write
from sweeper.errors import CheckpointError

_MARK = b"sweeper "
_CHUNK = 1 << 22


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Write `state` (tensors and plain values) to `path`; after a crash there is the old file or the new one.

    Raises OSError where the disk does not take it.
    """
    with atomic_write(path) as file:
        summing = _Summing(file)
        try:
            torch.save(state, cast("IO[bytes]", summing))
        except RuntimeError as error:  # torch's own, about positions in its file
            raise error if summing.error is None else summing.error from None
        file.write(_MARK + f"{summing.sum:08x}".encode())


def completed_reports(path: Path) -> int:
    """How many reports came before the checkpoint at `path`; 0 where there is none."""
    return len(load_checkpoint(path)["reports"]) if path.exists() else 0


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The state saved at `path`, read as data: nothing in the file is executed.

    Raises CheckpointError, which says why, where the file is not as it was written.
    """
    try:
        with path.open("rb") as file:
            _check(file, path.stat().st_size)
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, ValueError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise CheckpointError(str(error).partition("\n")[0]) from error
    return state


class _Summing:
    """A file that keeps the checksum of what is written to it, and what the system had against it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.sum = file, 0
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write, and count it in."""
        self.sum = zlib.crc32(data, self.sum)
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        """Nothing is kept back here."""


def _check(file: IO[bytes], size: int) -> None:
    """Compare the checksum at the end of the file with its content; the file stands at its start afterwards."""
    rest, found = size - len(_MARK) - 8, 0
    while rest > 0 and (data := file.read(min(rest, _CHUNK))):
        found, rest = zlib.crc32(data, found), rest - len(data)
    if file.read() != _MARK + f"{found:08x}".encode():
        raise ValueError("its checksum is wrong: it was cut short, or altered")
    file.seek(0)
