"""One attempt at a trial, as every runner makes it: its reports and signs of life, then how it ended.

The checkpoint's name carries the attempt. An attempt begins with what the newest earlier one left, under a name of its
own, so that a worker that was believed dead cannot overwrite its successor's. Of each trial there is the newest
checkpoint alone, and while a successor has not written its own, that of the attempt before it.
"""

import shutil
import traceback
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from sweeper.atomic_write import atomic_write
from sweeper.errors import CheckpointError, DivergedError, OutOfMemoryError
from sweeper.storage.trial_files import earlier_checkpoints, remove_files, trial_folder
from sweeper.training.types import Heartbeat, TrainingData, ValidationReport
from sweeper.trials.interfaces import CheckpointStorage, TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd

Event = ValidationReport | Heartbeat | TrialEnd


def run_attempt(trial: Trial, job: TrainingJob, data: TrainingData) -> Generator[Event, None, None]:
    """Train; an exception of the trainer is an outcome, and its traceback is kept in the trial's folder."""
    folder = trial_folder(job.folder, trial)
    try:
        yield from _kept(trial, job, data, folder)
    except Exception as error:
        text = traceback.format_exc()
        with suppress(OSError):  # the record has it too
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "error.txt").write_text(text, encoding="utf-8")
        yield replace(_finish(error), traceback=text)
    else:
        yield TrialEnd(Outcome.COMPLETED)


def _kept(trial: Trial, job: TrainingJob, data: TrainingData, folder: Path) -> Generator[Event, None, None]:
    """The training, with its files in the job's storage where it has one; a storage that is away does not end it."""
    if job.storage is None:
        yield from _training(trial, job, data, folder)
        return
    try:
        try:
            job.storage.fetch(folder)
        except OSError as error:
            yield Heartbeat(f"storage: its checkpoint cannot be had, so it begins with what is here ({error})")
        with closing(_training(trial, job, data, folder)) as events:
            for event in events:
                if isinstance(event, ValidationReport):
                    yield _stored(job.storage, folder, trial.attempt)
                yield event
        yield _stored(job.storage, folder, trial.attempt)
    finally:
        remove_files(folder, [f"*-{number}.pt" for number in range(1, trial.attempt + 1)])


def _stored(storage: CheckpointStorage, folder: Path, number: int) -> Heartbeat:
    try:
        storage.save(folder, number)
    except OSError as error:
        return Heartbeat(f"storage: its checkpoint could not be kept ({error})")
    return Heartbeat()


def _training(trial: Trial, job: TrainingJob, data: TrainingData, folder: Path) -> Generator[Event, None, None]:
    """The training from the newest checkpoint that can be read, else from the start."""
    own = folder / f"checkpoint-{trial.attempt}.pt"
    candidates = earlier_checkpoints(folder, trial.attempt)
    while candidates:
        newest = candidates.pop(0)
        _begin_with(newest, own)
        try:
            yield from _from_here(trial, job, data, own)
        except CheckpointError as error:
            for damaged in {own, newest}:
                damaged.unlink(missing_ok=True)
            then = f"goes on from {candidates[0].name}" if candidates else "begins again"
            yield Heartbeat(f"{newest.name} cannot be read ({error}); it {then}")
        else:
            return
    yield from _from_here(trial, job, data, own)


def _from_here(trial: Trial, job: TrainingJob, data: TrainingData, own: Path) -> Generator[Event, None, None]:
    """The training from this attempt's checkpoint; once it has written its own, the earlier ones are gone."""
    alone = False
    with closing(job.train(trial.config, data, own)) as events:
        for event in events:
            if isinstance(event, ValidationReport):
                _checked(event)
                alone = alone or _drop_earlier(own, trial.attempt)
            yield event


def _checked(report: ValidationReport) -> None:
    """A metric is a number, if not a finite one: what cannot be kept or compared ends the trial here."""
    for name, value in report.metrics.items():
        if not isinstance(value, int | float):
            raise TypeError(f"{name} = {value!r} after epoch {report.epoch:g} is not a number")


def _finish(error: Exception) -> TrialEnd:
    if isinstance(error, DivergedError):
        return TrialEnd(Outcome.DIVERGED, str(error))
    if isinstance(error, OutOfMemoryError | MemoryError):
        return TrialEnd(Outcome.OUT_OF_MEMORY, str(error) or "no memory left")
    text = " ".join(str(error).split()) or "no message"
    return TrialEnd(Outcome.FAILED, f"{type(error).__name__}: {text}"[:400])


def _begin_with(earlier: Path, own: Path) -> None:
    if earlier != own:
        try:
            own.hardlink_to(earlier)
        except OSError:  # a file system without hard links
            with atomic_write(own) as file, earlier.open("rb") as source:
                shutil.copyfileobj(source, file)


def _drop_earlier(own: Path, number: int) -> bool:
    """Remove the checkpoints of earlier attempts, if this one has written its own: whether it has."""
    earlier = [path for path in earlier_checkpoints(own.parent, number) if path != own]
    if not own.exists() or any(own.samefile(path) for path in earlier):
        return False
    for path in earlier:
        path.unlink(missing_ok=True)
    return True
