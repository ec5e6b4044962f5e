"""TODO."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sweeper.trials.interfaces import CheckpointStorage
from sweeper.trials.trial import Trial


def trial_folder(folder: Path, trial: Trial) -> Path:
    """Where a trial keeps its checkpoints and its traceback."""
    return folder / "trials" / str(trial.number)


def earlier_checkpoints(folder: Path, number: int) -> list[Path]:
    """The checkpoints that attempt `number` can begin with, its own first, then the newest."""
    candidates = (folder / f"checkpoint-{k}.pt" for k in range(number, 0, -1))
    return [candidate for candidate in candidates if candidate.exists()]


def delete_trial_files(
    folder: Path, trial: Trial, *, model: bool = False, storage: CheckpointStorage | None = None
) -> None:
    """Remove the checkpoints of a trial that has ended, and its `model` too; a traceback stays.

    What a storage does not let go of stays there: no reason to end a sweep.
    """
    place = trial_folder(folder, trial)
    patterns = ("*checkpoint-*.pt*", *(("*model-*.pt*",) if model else ()))
    remove_files(place, patterns)
    if storage is not None:
        with suppress(OSError):
            storage.delete(place, patterns)


def remove_files(folder: Path, patterns: Sequence[str]) -> None:
    """Remove files by their names, and the folder and the one above where nothing is left in them."""
    for pattern in patterns:
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
    for empty in (folder, folder.parent):
        with suppress(OSError):
            empty.rmdir()
