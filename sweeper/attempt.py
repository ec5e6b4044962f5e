"""One attempt at a trial, as every runner makes it: its reports, then how it ended.

The checkpoint's name carries the attempt. An attempt begins with what the newest earlier one left, under a name of its
own, so that a worker that was believed dead cannot overwrite its successor's.
"""

import shutil
import traceback
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from sweeper.errors import DivergedError, ExhaustedError
from sweeper.outcome import Outcome
from sweeper.ports import Finish, Job, Report, TrainingData, Trial


def attempt(trial: Trial, job: Job, data: TrainingData) -> Generator[Report | Finish, None, None]:
    """Train; an exception of the trainer is an outcome, and its traceback is kept in the trial's folder."""
    folder = trial_folder(job.folder, trial)
    try:
        with closing(job.train(trial.config, data, _checkpoint(folder, trial.attempt))) as reports:
            yield from reports
    except Exception as error:
        folder.mkdir(parents=True, exist_ok=True)
        text = traceback.format_exc()
        (folder / "error.txt").write_text(text, encoding="utf-8")
        yield replace(_finish(error), traceback=text)
    else:
        yield Finish(Outcome.COMPLETED)


def _finish(error: Exception) -> Finish:
    if isinstance(error, DivergedError):
        return Finish(Outcome.DIVERGED, str(error))
    if isinstance(error, ExhaustedError):
        return Finish(Outcome.OUT_OF_MEMORY, str(error))
    text = " ".join(str(error).split()) or "no message"
    return Finish(Outcome.FAILED, f"{type(error).__name__}: {text}"[:400])


def trial_folder(folder: Path, trial: Trial) -> Path:
    """Where a trial keeps its checkpoints and its traceback."""
    return folder / "trials" / str(trial.number)


def _checkpoint(folder: Path, number: int) -> Path:
    """The checkpoint of an attempt, begun with that of the newest attempt before it."""
    path = folder / f"checkpoint-{number}.pt"
    earlier = [folder / f"checkpoint-{k}.pt" for k in range(number - 1, 0, -1)]
    newest = next((candidate for candidate in earlier if candidate.exists()), None)
    if newest is not None and not path.exists():
        try:
            path.hardlink_to(newest)
        except OSError:  # a file system without hard links
            shutil.copyfile(newest, path)
    return path


def forget(folder: Path, trial: Trial) -> None:
    """Remove the checkpoints of a trial that has ended; a traceback stays."""
    place = trial_folder(folder, trial)
    for path in place.glob("*checkpoint-*.pt*"):
        path.unlink(missing_ok=True)
    for empty in (place, place.parent):
        with suppress(OSError):
            empty.rmdir()
