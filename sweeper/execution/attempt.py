"""One attempt at a trial, the same under every runner: its reports and heartbeats, then its end.

Each attempt has a checkpoint file of its own. It starts from the newest usable checkpoint of the attempts before it,
which it first links to its own name. So a worker that was wrongly taken for dead cannot overwrite the checkpoint of its
successor. Only a trial's newest checkpoint is kept: once the new attempt has written one, the older ones are deleted.

A checkpoint that cannot be read, or does not fit, is deleted. It costs the training so far, never the trial.
"""

import traceback
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from sweeper.atomic_write import atomic_write
from sweeper.errors import CheckpointError, DivergedError
from sweeper.storage.trial_files import (
    checkpoint_path,
    earlier_checkpoints,
    patterns_up_to,
    remove_files,
    traceback_path,
    trial_folder,
)
from sweeper.training.types import Heartbeat, TrainingData, ValidationReport
from sweeper.trials.interfaces import CheckpointStorage, TrainingJob, TrialSource
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd

Event = ValidationReport | Heartbeat | TrialEnd

_CHUNK_BYTES = 2**20  # of a checkpoint that is copied
_MAX_REASON = 400  # characters of an exception's message in the record


def run_attempt(trial: Trial, job: TrainingJob, data: TrainingData) -> Generator[Event, None, None]:
    """Run one attempt at a trial and yield its events, the last of which is a TrialEnd.

    An exception of the trainer is an outcome. Its traceback is in the TrialEnd, and in error.txt in the trial's folder.
    KeyboardInterrupt and SystemExit are no outcome; they are raised.
    """
    folder = trial_folder(job.folder, trial)
    events: Generator[Event, None, None] = _train(trial, job, data, folder)
    if job.storage is not None:
        events = _with_storage(events, job.storage, folder, trial.attempt)
    try:
        yield from events
    except Exception as error:
        trial_end = _failure(error, folder)
    else:
        trial_end = TrialEnd(Outcome.COMPLETED)
    if trial_end.outcome is not Outcome.COMPLETED and not trial_end.breaks_process:
        trial_end = replace(trial_end, breaks_process=not _recover_device())
    yield trial_end


def deliver(event: Event, trial: Trial, trials: TrialSource) -> bool:
    """Pass an event of a trial's attempt on to `trials`. Return False if the attempt has ended or must end."""
    if isinstance(event, ValidationReport):
        return trials.report(trial, event)
    if isinstance(event, TrialEnd):
        trials.trial_ended(trial, event)
        return False
    if event.note:
        trials.notify(trial, event.note)
    return trials.heartbeat(trial)


def _train(trial: Trial, job: TrainingJob, data: TrainingData, folder: Path) -> Generator[Event, None, None]:
    """Train from the newest checkpoint that can be used, or from the start if there is none. Others are deleted."""
    checkpoint = checkpoint_path(folder, trial.attempt)
    candidates = earlier_checkpoints(folder, trial.attempt)
    while candidates:
        start = candidates.pop(0)
        try:
            _link_or_copy(start, checkpoint)
            yield from _train_once(trial, job, data, checkpoint)
        except CheckpointError as error:
            for unusable in {checkpoint, start}:
                with suppress(OSError):
                    unusable.unlink()
            consequence = f"continues from {candidates[0].name}" if candidates else "starts from the beginning"
            yield Heartbeat(f"{start.name} cannot be used ({error}); the training {consequence}")
        else:
            return
    yield from _train_once(trial, job, data, checkpoint)


def _train_once(trial: Trial, job: TrainingJob, data: TrainingData, checkpoint: Path) -> Generator[Event, None, None]:
    """Train from `checkpoint` if it exists. Earlier ones are deleted once the attempt has written its own."""
    is_only_checkpoint = False
    with closing(job.train(trial.config, data, checkpoint)) as events:
        for event in events:
            if isinstance(event, ValidationReport):
                _check_metrics(event)
                is_only_checkpoint = is_only_checkpoint or _delete_earlier(checkpoint, trial.attempt)
            yield event


def _with_storage(
    events: Generator[Event, None, None], storage: CheckpointStorage, folder: Path, attempt: int
) -> Generator[Event, None, None]:
    """Yield the events of an attempt whose files are kept in `storage`. Errors of the storage do not end the attempt.

    The trial's files are fetched first, saved at each report and at the end, and then removed from this machine.
    """
    try:
        try:
            storage.fetch(folder)
        except OSError as error:
            note = f"storage: its checkpoint cannot be fetched; the training starts from what is here ({error})"
            yield Heartbeat(note)
        with closing(events):
            for event in events:
                if isinstance(event, ValidationReport):
                    yield _save(storage, folder, attempt)
                yield event
        yield _save(storage, folder, attempt)
    finally:
        remove_files(folder, patterns_up_to(attempt))


def _save(storage: CheckpointStorage, folder: Path, attempt: int) -> Heartbeat:
    try:
        storage.save(folder, attempt)
    except OSError as error:
        return Heartbeat(f"storage: its checkpoint could not be saved ({error})")
    return Heartbeat()


def _check_metrics(report: ValidationReport) -> None:
    """Raise TypeError for a metric that is not a number, which could not be recorded or compared. NaN is a number."""
    for name, value in report.metrics.items():
        if not isinstance(value, int | float):
            raise TypeError(f"{name} = {value!r} after epoch {report.epoch:g} is not a number")


def _failure(error: Exception, folder: Path) -> TrialEnd:
    """Return the end of a trial whose training raised `error`, and write the traceback to error.txt."""
    text = traceback.format_exc()
    with suppress(OSError):  # the record has the traceback too
        folder.mkdir(parents=True, exist_ok=True)
        traceback_path(folder).write_text(text, encoding="utf-8")
    from sweeper.training.device_errors import breaks_device  # imports torch

    return replace(_to_trial_end(error), traceback=text, breaks_process=breaks_device(error))


def _recover_device() -> bool:
    from sweeper.training.device_errors import recover_device

    return recover_device()


def _to_trial_end(error: Exception) -> TrialEnd:
    from sweeper.training.device_errors import is_out_of_memory

    if isinstance(error, DivergedError):
        return TrialEnd(Outcome.DIVERGED, str(error))
    message = " ".join(str(error).split()) or "no message"
    if is_out_of_memory(error):
        return TrialEnd(Outcome.OUT_OF_MEMORY, message if str(error) else "no memory left")
    return TrialEnd(Outcome.FAILED, f"{type(error).__name__}: {message}"[:_MAX_REASON])


def _link_or_copy(source: Path, target: Path) -> None:
    """Give a checkpoint another name. Raises CheckpointError if it cannot be read, OSError if there is no room."""
    if source == target:
        return
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without hard links
        with atomic_write(target) as file:
            file.writelines(_read_chunks(source))


def _read_chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise CheckpointError(error.strerror or str(error)) from error


def _delete_earlier(checkpoint: Path, attempt: int) -> bool:
    """Delete the checkpoints of earlier attempts and return True, if this attempt has written its own."""
    earlier = [path for path in earlier_checkpoints(checkpoint.parent, attempt) if path != checkpoint]
    if not checkpoint.exists() or any(checkpoint.samefile(path) for path in earlier):
        return False
    for path in earlier:
        path.unlink(missing_ok=True)
    return True
