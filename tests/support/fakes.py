"""Fakes of the interfaces: scripted trainers and trials, and a tracker that remembers."""

import os
import signal
import threading
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sweeper.errors import DivergedError
from sweeper.protocol.sweep import StageJobs
from sweeper.training.config import TrainConfig
from sweeper.training.types import (
    EncoderWeights,
    ModelScores,
    Predictions,
    TokenizedSplit,
    Trainer,
    TrainingData,
    ValidationReport,
)
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord


def report(step: int, accuracy: float, classes: float = 3) -> ValidationReport:
    """Return a validation with this accuracy, where the largest class has 1/`classes` of the predictions."""
    metrics = {
        "validation/accuracy": accuracy,
        "validation/macro_f1": accuracy,
        "validation/largest_class": 1 / classes,
    }
    return ValidationReport(step, float(step), metrics)


def data() -> TrainingData:
    """Return training data for trainers that use none. Nine of ten validation texts are of the first class."""
    ids, starts, labels = np.zeros(10, dtype=np.int32), np.arange(11), np.array([0] * 9 + [1])
    validation = TokenizedSplit(ids, starts, np.ones(10, dtype=np.int32), labels)
    return TrainingData(("a", "b", "c"), EncoderWeights("m", {}, {}, 0), {"validation": validation})


REPORT = ValidationReport(1, 1.0, {"validation/accuracy": 0.5})


def text_trainer(text: str, *, model: bool = False) -> Trainer:
    """Return a trainer that appends `text` to its checkpoint, through a rename as the real trainer does.

    It reports once. With `model`, it also leaves a model with the same text.
    """

    def run(config: TrainConfig, _: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        assert saved is not None
        content = (saved.read_text(encoding="utf-8") if saved.exists() else "") + text
        saved.parent.mkdir(parents=True, exist_ok=True)
        temporary = saved.with_name("temporary")
        temporary.write_text(content, encoding="utf-8")
        temporary.replace(saved)
        yield REPORT
        if model:
            saved.with_name(saved.name.replace("checkpoint", "model")).write_text(content, encoding="utf-8")

    return run


def scripted_trainer(
    config: TrainConfig, _: TrainingData, saved: Path | None
) -> Generator[ValidationReport, None, None]:
    """Train as the config says: `alpha` is the accuracy, `tau` says what happens.

    tau 1: trains to the end. 2: diverges after the first report. 3: fails. 4: predicts a single class. 5 and 6: the
    worker process is killed (5) or stopped (6) after the first report of the first attempt. 7: does not end when told
    to. 8: takes a second per step. 9: as 8, and fails if an attempt before it wrote a checkpoint and it has none. The
    checkpoint `saved` notes the steps that were reported.
    """
    done = saved.read_text().count("\n") if saved is not None and saved.exists() else 0
    if config.tau == 9 and saved is not None and done == 0 and saved.with_name("begun").exists():
        raise ValueError("its checkpoint is lost")
    try:
        for step in range(1, config.epochs + 1):
            _disturb(config.tau, step, first=done == 0)
            if step > done and saved is not None:
                saved.parent.mkdir(parents=True, exist_ok=True)
                with saved.open("a") as file:
                    file.write(f"{step}\n")
                if config.tau == 9:
                    saved.with_name("begun").touch()
            yield report(step, config.alpha, classes=1 if config.tau == 4 else 3)
    except GeneratorExit:
        if config.tau == 7:
            threading.Event().wait()


def _disturb(course: float, step: int, *, first: bool) -> None:
    """Let happen what `course` says before this step. `first` is True if the training started without a checkpoint."""
    if step > 1 and course == 2:
        raise DivergedError("the training loss is not finite")
    if course == 3:
        raise ValueError("a broken trial")
    if step > 1 and first and course in (5, 6):
        os.kill(os.getpid(), signal.SIGKILL if course == 5 else signal.SIGSTOP)
    if course in (8, 9):
        time.sleep(1)


def scripted_jobs(folder: Path, scores: list[tuple[Trial, ModelScores]] | None = None) -> StageJobs:
    """Return the jobs of a sweep with scripted trainings. Test scores are appended to `scores`."""
    job = TrainingJob(scripted_trainer, {"m": data()}, folder)
    saved_scores = scores if scores is not None else []
    return StageJobs(
        job,
        job,
        lambda: TrainingJob(scoring_trainer, {"m": data_with_test()}, folder),
        lambda *score: saved_scores.append(score),
    )


def data_with_test() -> TrainingData:
    """Return training data that has a test split, for trainers that use none."""
    zeros = np.zeros(1, dtype=np.int64)
    split = TokenizedSplit(zeros.astype(np.int32), zeros, zeros.astype(np.int32), zeros)
    return replace(data(), splits={"test": split})


def scoring_trainer(config: TrainConfig, _: TrainingData, __: Path | None) -> Generator[ValidationReport, None, None]:
    """Score a model on the test split: one point below the accuracy in its config."""
    predictions = Predictions(np.zeros(2, dtype=np.int64), np.full((2, 3), 1 / 3, dtype=np.float32))
    metrics = {"test/accuracy": config.alpha - 0.01, "test/macro_f1": config.alpha - 0.02}
    yield ValidationReport(config.epochs, float(config.epochs), metrics, ModelScores({"test": predictions}))


class ScriptedTrials:
    """A list of configs as trials. `stop_at` stops trials early: (number, step). Implements TrialSource."""

    def __init__(self, configs: Sequence[TrainConfig], stop_at: Sequence[tuple[int, int]] = ()) -> None:
        self.waiting = [Trial(k + 1, 0, {}, config) for k, config in enumerate(configs)]
        self.stop_at = set(stop_at)
        self.running: set[int] = set()
        self.reports: dict[int, list[int]] = {}
        self.outcomes: dict[int, Outcome] = {}
        self.reasons: dict[int, str] = {}
        self.losses: list[int] = []
        self.infrastructure_losses: list[int] = []
        self.loss_reasons: list[str] = []
        self.notes: list[tuple[int, str]] = []
        self.most_at_once = 0

    def next_trial(self) -> Trial | None:
        if not self.waiting:
            return None
        trial = self.waiting.pop(0)
        self.running.add(trial.number)
        self.most_at_once = max(self.most_at_once, len(self.running))
        return trial

    def is_exhausted(self) -> bool:
        return not self.waiting and not self.running

    def report(self, trial: Trial, report: ValidationReport) -> bool:
        self.reports.setdefault(trial.number, []).append(report.step)
        if (trial.number, report.step) in self.stop_at:
            self.running.remove(trial.number)
            return False
        return True

    def take_requests(self) -> None:
        pass

    def heartbeat(self, trial: Trial) -> bool:
        return True

    def will_continue(self, trial: Trial) -> bool:
        return trial in self.waiting

    def trial_ended(self, trial: Trial, trial_end: TrialEnd) -> None:
        self.running.remove(trial.number)
        self.outcomes[trial.number], self.reasons[trial.number] = trial_end.outcome, trial_end.reason

    def notify(self, trial: Trial | None, text: str) -> None:
        self.notes.append((trial.number if trial else 0, text))

    def worker_lost(self, trial: Trial, trial_end: TrialEnd, *, infrastructure_fault: bool = False) -> None:
        self.running.remove(trial.number)
        (self.infrastructure_losses if infrastructure_fault else self.losses).append(trial.number)
        self.loss_reasons.append(trial_end.reason)
        self.waiting.append(Trial(trial.number, trial.system, trial.params, trial.config, trial.attempt + 1))


class RecordingTracker:
    """A tracker that remembers what it was told. Implements Tracker."""

    def __init__(self) -> None:
        self.states: dict[int, TrialRecord] = {}  # by trial number
        self.order: list[tuple[int, int, bool]] = []  # trial number, number of reports, True if it has ended
        self.status = ""

    def update(self, record: TrialRecord) -> None:
        self.states[record.trial.number] = record
        self.order.append((record.trial.number, len(record.reports), record.end is not None))

    def close(self, status: RunStatus) -> None:
        self.status = status
