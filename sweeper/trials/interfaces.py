"""The ports: what the trainer does, what a runner asks for, what the record and the trackers take.

Values (values.py) go down, reports come up. A Runner pulls trials from Trials and hands each report back; Trials
(stages.py) writes it to the Study, which is durable, and then tells the Trackers, which only watch.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sweeper.training.types import Trainer, TrainingData, ValidationReport
from sweeper.trials.resources import TrialResources
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TestAccess, Trial, TrialEnd, TrialRecord


class CheckpointStorage(Protocol):
    """Where the files of trials are kept so that a lost node does not take them with it. Raises OSError."""

    def fetch(self, folder: Path) -> None:
        """Bring what is kept of the trial with this folder there, where it is not there yet."""

    def save(self, folder: Path, attempt: int) -> None:
        """Keep the files of an attempt at the trial with this folder; those of earlier attempts go."""

    def delete(self, folder: Path, patterns: Sequence[str]) -> None:
        """Let go of the files of the trial with this folder whose names match."""


@dataclass(frozen=True)
class TrainingJob:
    """What every trial of a sweep shares: the trainer, its data by encoder, and the folder for checkpoints.

    A trial that gives no sign of life for `patience` seconds is taken as dead. Where there is a `storage`, `folder` is
    one of the machine that a trial runs on, and has a trial's files only while it runs there.
    """

    train: Trainer
    data: Mapping[str, TrainingData]
    folder: Path
    stall_timeout: float = 900.0
    storage: CheckpointStorage | None = None


class Study(Protocol):
    """The memory: asks for settings, and keeps every report before anybody acts on it."""

    def ask(self, system: int) -> Trial:
        """Propose the next trial of a cell, durably."""

    def restart(self, trial: Trial) -> Trial:
        """The same trial for another attempt, durably."""

    def report(self, trial: Trial, report: ValidationReport) -> TrialEnd | None:
        """Keep a report; where it ends the trial (ASHA), keep that too and return it."""

    def end_trial(self, trial: Trial, finish: TrialEnd) -> None:
        """Keep how a trial ended. The first end counts."""

    def confirm(self, of: Trial, repeat: int) -> Trial:
        """Begin to train the setting of a trial of the search again, with the `repeat`-th fresh seed, durably."""

    def record_test_access(self, trial: Trial) -> None:
        """Keep that the test split is opened for a trial, before it is."""

    def record_test_score(self, trial: Trial, report: ValidationReport) -> None:
        """Keep what the model of a trial that has ended scored on the test split. The first score counts."""

    def test_accesses(self) -> Sequence[TestAccess]:
        """Every look at the test split, by time."""

    def get(self, trial: Trial) -> TrialRecord:
        """A trial as the record has it."""

    def all_trials(self) -> Sequence[TrialRecord]:
        """Every trial, by number."""


class TrialSource(Protocol):
    """What a runner runs: it pulls trials, and pushes what becomes of them."""

    def next_trial(self) -> Trial | None:
        """The trial to start now; None where there is none left, or none until a running one ends."""

    def is_exhausted(self) -> bool:
        """Whether nothing runs and no trial will come any more."""

    def report(self, trial: Trial, report: ValidationReport) -> bool:
        """Take a report; False where the trial shall stop. What an attempt says that was given up is ignored."""

    def trial_ended(self, trial: Trial, finish: TrialEnd) -> None:
        """Take the end of a trial."""

    def worker_lost(self, trial: Trial, finish: TrialEnd, *, innocent: bool = False) -> None:
        """Take the loss of a trial's worker; the trial comes again, or ends so where it was lost too often.

        `innocent` says that the trial had no part in it: its node was lost, or it had not begun.
        """

    def note(self, trial: Trial | None, text: str) -> None:
        """Take what the user should know, of a trial or of the whole."""


class Runner(Protocol):
    """The muscle: runs the trials to their ends, on this machine or on many.

    `remote` says whether trials run on machines that may share nothing with this one.
    """

    remote: bool

    def allocate(self, cpu: int, gpu: float, accelerator: str = "") -> TrialResources:
        """What one trial gets of the CPUs and GPUs (of one type, in Ray's words) that were asked for it."""

    def run_on_all_nodes(self, check: Callable[[], str]) -> Mapping[str, str]:
        """What a function that can be pickled returns on each machine, by the machine's name."""

    def run(self, trials: TrialSource, job: TrainingJob, allocation: TrialResources) -> None:
        """Run until `trials` are exhausted, or raise Interruption, or what `trials` raised: then it is to be closed."""


class Tracker(Protocol):
    """A window on the sweep: it watches, decides nothing, and its trouble is never the sweep's."""

    def update(self, recorded: TrialRecord) -> None:
        """Something new is in the record: a trial started or went on, sent a report, or ended."""

    def close(self, status: RunStatus) -> None:
        """The sweep stops for now; `status` is MLflow's word: FINISHED, FAILED or KILLED."""


class ProgressView(Tracker, Protocol):
    """A Tracker that somebody watches."""

    def say(self, text: str) -> None:
        """Show what they should know; from any thread."""
