"""The values that cross a wall: the trainer's data and reports, a trial, and what the record has of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sweeper.training.config import Scalar, TrainConfig
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Trial:
    """One training of the sweep. `number` counts all trials from 1; `attempt` counts its starts, also from 1.

    Where it confirms a setting with a fresh seed, `confirms` is the number of the trial of the search that has the
    setting, and `repeat` counts the seeds from 1; both are 0 in the search.
    """

    number: int
    system: int
    params: Mapping[str, Scalar]
    config: TrainConfig
    attempt: int = 1
    source_trial: int = 0
    seed_index: int = 0

    @property
    def stage(self) -> str:
        """MLflow's word for it: search or confirm."""
        return "confirm" if self.source_trial else "search"


@dataclass(frozen=True)
class TrialEnd:
    """How a trial ended, and why where it did not end well: in a line, and where an exception ended it, in full."""

    outcome: Outcome
    reason: str = ""
    traceback: str = field(default="", compare=False)


@dataclass(frozen=True)
class TestAccess:
    """One look at a test split: when (milliseconds since 1970), of which trial, trained with which seed."""

    at: int
    trial: int
    seed: int


@dataclass(frozen=True)
class TestScore:
    """What a trial's best model scored when the test split was opened for it: metrics test/accuracy, …, and when."""

    at: int
    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class TrialRecord:
    """A trial as the record has it. `times` are milliseconds since 1970, one for each report."""

    trial: Trial
    reports: tuple[ValidationReport, ...] = ()
    report_times: tuple[int, ...] = ()
    started_at: int = 0
    end: TrialEnd | None = None
    ended_at: int | None = None
    test: TestScore | None = None
