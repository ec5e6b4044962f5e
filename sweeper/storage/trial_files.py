"""The files of one trial: their names, and their removal.

A trial's folder is trials/NUMBER. Attempt 2 at the trial writes its checkpoint to checkpoint-2.pt and, at its end, the
model of its best epoch to model-2.pt (training/trainer.py derives the one name from the other). A failed trial leaves
its traceback in error.txt. Each attempt has its own names, so that a worker that was given up cannot overwrite the
files of its successor.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sweeper.trials.interfaces import CheckpointStorage
from sweeper.trials.trial import Trial

MODEL_FILES = "model-*.pt"
_ALL_CHECKPOINT_FILES = "*checkpoint-*.pt*"  # with the temporary files of interrupted writes
_ALL_MODEL_FILES = "*model-*.pt*"


def trial_folder(folder: Path, trial: Trial) -> Path:
    """Return the folder of a trial, below the `folder` of its sweep or job."""
    return folder / "trials" / str(trial.number)


def checkpoint_path(folder: Path, attempt: int) -> Path:
    """Return the path of an attempt's checkpoint in the trial's folder."""
    return folder / f"checkpoint-{attempt}.pt"


def traceback_path(folder: Path) -> Path:
    """Return the path of a failed trial's traceback in the trial's folder."""
    return folder / "error.txt"


def earlier_checkpoints(folder: Path, attempt: int) -> list[Path]:
    """Return the existing checkpoints that an attempt can start from: its own, then the newest of earlier attempts."""
    candidates = (checkpoint_path(folder, number) for number in range(attempt, 0, -1))
    return [candidate for candidate in candidates if candidate.exists()]


def attempt_files(folder: Path, attempt: int) -> list[Path]:
    """Return the complete files that an attempt has written: its checkpoint, its model."""
    return sorted(folder.glob(f"[!.]*-{attempt}.pt"))


def patterns_up_to(attempt: int) -> list[str]:
    """Return shell patterns that match the files of an attempt and of all attempts before it."""
    return [f"*-{number}.pt" for number in range(1, attempt + 1)]


def delete_trial_files(
    folder: Path, trial: Trial, *, model: bool = False, storage: CheckpointStorage | None = None
) -> None:
    """Delete the checkpoints of an ended trial, and with `model` its models too. A traceback stays.

    The files in the shared `storage` are deleted too. If that fails, they stay: it is no reason to end a sweep.
    """
    patterns = (_ALL_CHECKPOINT_FILES, *((_ALL_MODEL_FILES,) if model else ()))
    remove_files(trial_folder(folder, trial), patterns)
    if storage is not None:
        with suppress(OSError):
            storage.delete(trial_folder(folder, trial), patterns)


def remove_files(folder: Path, patterns: Sequence[str]) -> None:
    """Delete the files in `folder` that match a pattern, then `folder` and its parent if they are empty."""
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
    for empty in (folder, folder.parent):
        with suppress(OSError):
            empty.rmdir()
