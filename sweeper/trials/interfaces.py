"""The interfaces between the parts of a sweep: the study, the source of trials, the runner and the trackers.

Workers pull trials from a TrialSource and pass each report back to it. The TrialSource (protocol/stage.py) first
writes the report to the Study, where it is durable. Then it tells the Trackers, which only watch.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sweeper.errors import SweeperError
from sweeper.training.config import Scalar, TrainConfig
from sweeper.training.training_cost import TrainingCost
from sweeper.training.types import Trainer, TrainingData, ValidationReport
from sweeper.trials.resources import TrialResources
from sweeper.trials.run_status import RunStatus
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TestAccess, Trial, TrialEnd, TrialRecord


class CheckpointStorage(Protocol):
    """A place that all machines share for the files of trials, so that they survive a lost node.

    `folder` is always a trial's own folder on this machine. All methods raise OSError.
    """

    def fetch(self, folder: Path) -> None:
        """Copy the trial's stored files into `folder`. Files that exist there already are left as they are."""

    def save(self, folder: Path, attempt: int) -> None:
        """Store the files that an attempt has written to `folder`, and delete those of earlier attempts."""

    def delete(self, folder: Path, patterns: Sequence[str]) -> None:
        """Delete the trial's stored files whose names match one of the shell patterns."""


@dataclass(frozen=True)
class TrainingJob:
    """The part that all trials of a sweep share.

    `data` holds the training data by encoder. `folder` is where trials write their files. With a `storage`, `folder`
    lies on the machine that runs a trial and holds the trial's files only while it runs there.
    A trial that reports nothing for `stall_timeout` seconds is taken for dead.
    """

    train: Trainer
    data: Mapping[str, TrainingData]
    folder: Path
    stall_timeout: float = 900.0
    storage: CheckpointStorage | None = None


class Study(Protocol):
    """The record of a sweep. It proposes settings, and makes every event durable before anybody acts on it."""

    def ask(self, system: int, repeated: Trial | None = None) -> Trial:
        """Record the next trial of a system: a proposal, or in a race another seed of the setting of `repeated`."""

    def restart(self, trial: Trial) -> Trial:
        """Record one more attempt at a trial and return the trial with that attempt."""

    def promote(self, trial: Trial) -> TrialRecord:
        """Record that a trial which waits at a rung may continue, and return its record."""

    def report(self, trial: Trial, report: ValidationReport) -> TrialRecord:
        """Record a report. If early stopping ends the trial here, record that too. Return the trial's record."""

    def end_trial(self, trial: Trial, trial_end: TrialEnd) -> TrialRecord:
        """Record how a trial ended, and return its record. Only the first end counts."""

    def confirm(self, source: Trial, seed_index: int) -> Trial:
        """Record a new trial that trains the setting of `source` with fresh seed number `seed_index`, from 1."""

    def clone(self, source: Trial, params: Mapping[str, Scalar]) -> Trial:
        """Record a new trial of the search, which a user made of `source`, with the complete setting `params`."""

    def begin_session(self, elapsed: float, gpu: float) -> None:
        """Record that this command, which began `elapsed` seconds ago, begins to search with `gpu` GPUs for a trial."""

    def end_session(self) -> None:
        """Record that this command has stopped searching."""

    def sessions(self) -> Sequence[SearchSession]:
        """Return the commands that searched, oldest first."""

    def record_test_access(self, trial: Trial) -> None:
        """Record that the test split is about to be scored with a trial's model."""

    def record_test_score(self, trial: Trial, report: ValidationReport) -> None:
        """Record the test score of an ended trial's model. Only the first score counts."""

    def test_accesses(self) -> Sequence[TestAccess]:
        """Return every test access, oldest first."""

    def get(self, trial: Trial) -> TrialRecord:
        """Return the recorded state of a trial."""

    def all_trials(self) -> Sequence[TrialRecord]:
        """Return the records of all trials, ordered by number."""


class TrialSource(Protocol):
    """The trials that a runner runs. The runner pulls trials from it and tells it what happens to them."""

    def next_trial(self) -> Trial | None:
        """Return the trial to start now. None means that none is left, or none until a running one ends."""

    def is_exhausted(self) -> bool:
        """Return True if no trial is running and none will come."""

    def take_requests(self) -> None:
        """Do what users have asked of the driver. Call this about once a second. Raises SweepInterrupted."""

    def heartbeat(self, trial: Trial) -> bool:
        """Take a trial's sign of life. Return False if the trial must stop."""

    def report(self, trial: Trial, report: ValidationReport) -> bool:
        """Take a report. Return False if the trial must stop. Reports of an abandoned attempt are ignored."""

    def will_continue(self, trial: Trial) -> bool:
        """Return True if a trial that had to stop continues later. Its checkpoint must be kept."""

    def trial_ended(self, trial: Trial, trial_end: TrialEnd) -> None:
        """Take the end of a trial."""

    def worker_lost(self, trial: Trial, trial_end: TrialEnd, *, infrastructure_fault: bool = False) -> None:
        """Take the loss of a trial's worker. The trial is retried, or ends with `trial_end` after too many losses.

        With `infrastructure_fault`, the trial did not cause the loss: its node was lost, or it had not started.
        """

    def notify(self, trial: Trial | None, text: str) -> None:
        """Take a message for the user, about one trial or (None) about the whole sweep."""


Measured = TrainingCost | SweeperError
"""The cost of a training of which a few steps were timed, or the error that ended it."""

Measure = Callable[[TrainConfig, TrainingData], TrainingCost]


class Workers(Protocol):
    """The processes in which a runner runs trials, all with the same resources."""

    def run(self, trials: TrialSource, job: TrainingJob) -> None:
        """Run trials until `trials` is exhausted. May then be called with other trials and another job.

        Raises SweepInterrupted, and whatever `trials` raises. After an exception, the runner must be closed.
        """


class Runner(Protocol):
    """Runs trials, on this machine or on a cluster.

    `is_remote` is True if trials may run on machines that share no files with this one, and `has_workers` if
    they run in processes of their own, which take a while to start.
    """

    is_remote: bool
    has_workers: bool

    def allocate(self, cpu: int, gpu: float, accelerator: str = "") -> TrialResources:
        """Return the resources of one trial, given the requested CPUs, GPUs and type of GPU (Ray's name, "A100")."""

    def run_on_all_nodes(self, check: Callable[[], str]) -> Mapping[str, str]:
        """Call a picklable function on every machine and return its answers by name of machine."""

    def start_workers(self, resources: TrialResources) -> None:
        """Return once the processes that would run trials side by side have started."""

    def measure(
        self,
        measure: Measure,
        configs: Sequence[TrainConfig],
        data: Mapping[str, TrainingData],
        resources: TrialResources,
    ) -> list[Measured]:
        """Return the cost of each training, or the error that ended it. As many are timed at a time as trials run."""

    def workers(self, resources: TrialResources) -> AbstractContextManager[Workers]:
        """Return a context in which trials run with these resources. Its workers end with it."""


class Tracker(Protocol):
    """An observer of the sweep. It decides nothing, and its failures never end the sweep."""

    def update(self, record: TrialRecord) -> None:
        """Take the new state of a trial: it started, continued, reported or ended."""

    def close(self, status: RunStatus) -> None:
        """Take the end of the command, and the state in which it leaves the sweep."""


class ProgressView(Tracker, Protocol):
    """A Tracker that shows the sweep to a person."""

    def say(self, text: str) -> None:
        """Show a message. May be called from any thread."""
