"""Checkpoint files: written completely or not at all, verified by a checksum, and read as data only.

A file is what torch.save writes, followed by `sweeper ` and a CRC-32 as 8 hexadecimal digits. torch itself does not
notice an altered byte, and a training resumed from one would silently give other numbers.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import torch

from sweeper.atomic_write import atomic_write
from sweeper.errors import CheckpointError, SweeperError
from sweeper.training.device_errors import breaks_device, is_out_of_memory

_MARK = b"sweeper "
_CHUNK_BYTES = 1 << 22


def save_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Write `state` (tensors and plain values) to `path`. After a crash, either the old file or the new one is there.

    Raises OSError if the file cannot be written.
    """
    with atomic_write(path) as file:
        writer = _ChecksumWriter(file)
        try:
            torch.save(state, cast("IO[bytes]", writer))
        except RuntimeError as error:  # torch replaces an OSError by a RuntimeError about positions in its file
            raise error if writer.error is None else writer.error from None
        file.write(_MARK + f"{writer.checksum:08x}".encode())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Return the state saved at `path`, with tensors on the CPU. Nothing in the file is executed.

    Raises CheckpointError, with the reason, if the file cannot be read or has changed since it was written.
    """
    with _checkpoint_errors(""), path.open("rb") as file:
        _verify_checksum(file, path.stat().st_size)
        state = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise CheckpointError("it holds no training")
    return state


@contextmanager
def checking_fit() -> Iterator[None]:
    """Raise CheckpointError, with the reason, if a state that is put to use here does not fit.

    Another version of sweeper or torch may have written it, or another device.
    """
    with _checkpoint_errors("it does not fit: "):
        yield


@contextmanager
def _checkpoint_errors(prefix: str) -> Iterator[None]:
    """Turn errors into CheckpointErrors, but for those of a device and those that we raise on purpose."""
    try:
        yield
    except SweeperError:
        raise
    except Exception as error:  # a state that was altered can make anything fail
        if is_out_of_memory(error) or breaks_device(error):
            raise
        missing = isinstance(error, KeyError)
        reason = f"it has no {error}" if missing else str(error).partition("\n")[0] or type(error).__name__
        raise CheckpointError(reason if missing else f"{prefix}{reason}") from error


class _ChecksumWriter:
    """A file that computes the CRC-32 of what is written to it, and remembers the OSError of a failed write."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.checksum = file, 0
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write `data`, and add it to the checksum."""
        self.checksum = zlib.crc32(data, self.checksum)
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        """Do nothing: nothing is buffered here."""


def _verify_checksum(file: IO[bytes], size: int) -> None:
    """Compare the checksum at the end of the file with its content, and return to the start of the file."""
    remaining, checksum = size - len(_MARK) - 8, 0
    while remaining > 0 and (data := file.read(min(remaining, _CHUNK_BYTES))):
        checksum, remaining = zlib.crc32(data, checksum), remaining - len(data)
    if file.read() != _MARK + f"{checksum:08x}".encode():
        raise ValueError("its checksum is wrong: it was cut short, or altered")
    file.seek(0)
