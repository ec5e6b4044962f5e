"""The types of a trial: the trial itself, its end, its test score, and its record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from sweeper.training.config import Scalar, TrainConfig
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome

_BY_USER = "stopped by the user"


@dataclass(frozen=True)
class Trial:
    """One training with one setting and one seed.

    `number` counts all trials of the sweep, `attempt` the starts of this one, both from 1. `system` is the index of the
    trial's system, `params` its setting, `config` the complete input of the trainer.

    A trial of the confirmation trains the setting of trial `source_trial` of the search with fresh seed number
    `seed_index`, from 1. Both are 0 for a trial of the search.

    `clone_of` is the trial of the search whose setting a user changed to make this one; 0 for all others. A clone that
    has not started has attempt 0.

    `bracket` is its bracket of early stopping, from 1. It is 0 for a fresh seed, and where there are no brackets.

    `race_of` is the trial of the search whose setting this one trains with another seed, in the race at the end of the
    search; 0 for all others.
    """

    number: int
    system: int
    params: Mapping[str, Scalar]
    config: TrainConfig
    attempt: int = 1
    source_trial: int = 0
    seed_index: int = 0
    clone_of: int = 0
    bracket: int = 0
    race_of: int = 0

    @property
    def is_of_search(self) -> bool:
        """True for a trial of the search, False for a fresh seed of the confirmation."""
        return not self.source_trial

    @property
    def stage(self) -> Literal["search", "confirm"]:
        """The stage of the sweep that the trial belongs to, as tagged in MLflow: "search" or "confirm"."""
        return "search" if self.is_of_search else "confirm"


def describe_origin(trial: Trial) -> str:
    """Return which other trial a trial was made from, and how; "" for one that was proposed."""
    if trial.source_trial:
        return f"seed {trial.seed_index} of trial {trial.source_trial}"
    if trial.clone_of:
        return f"clone of trial {trial.clone_of}"
    return f"another seed of trial {trial.race_of}" if trial.race_of else ""


@dataclass(frozen=True)
class TrialEnd:
    """The end of a trial: its outcome and the reason.

    `reason` is one line, `traceback` the exception in full. Both may be empty. `breaks_process` is True if the process
    that ran the trial can train no more; it is not recorded.
    """

    outcome: Outcome
    reason: str = ""
    traceback: str = field(default="", compare=False)
    breaks_process: bool = field(default=False, compare=False)

    @property
    def is_by_user(self) -> bool:
        """True if a user stopped the trial, and not early stopping."""
        return self.outcome == Outcome.STOPPED_EARLY and self.reason.startswith(_BY_USER)

    @property
    def is_by_early_stopping(self) -> bool:
        """True if early stopping stopped the trial, and not a user."""
        return self.outcome == Outcome.STOPPED_EARLY and not self.is_by_user


def stopped_by_user(epochs: float) -> TrialEnd:
    """Return the end of a trial that its user stopped after `epochs` epochs. It counts as early stopping's do."""
    when = f"after epoch {epochs:g}" if epochs else "before its first validation"
    return TrialEnd(Outcome.STOPPED_EARLY, f"{_BY_USER} {when}")


@dataclass(frozen=True)
class TestAccess:
    """One scoring of a test split."""

    at: Annotated[int, Field(description="when it began, in milliseconds since 1970")]
    trial: Annotated[int, Field(description="number of the trial whose model was scored")]
    seed: Annotated[int, Field(description="random seed of that trial")]


@dataclass(frozen=True)
class TestScore:
    """The score of a trial's best model on the test split, with metrics such as test/accuracy.

    `at` is in milliseconds since 1970; `step` is the number of the validation whose model was scored.
    """

    at: int
    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class TrialRecord:
    """The recorded state of a trial. All times are in milliseconds since 1970, `report_times` has one per report.

    `ended_at` has a fraction, which orders trials that ended in the same millisecond.
    `borrowed` is the number of trials of other systems or earlier sweeps that its proposal learned from.
    `promoted_after` is the last validation, from 1, after which it was promoted; 0 if it never was.
    """

    trial: Trial
    reports: tuple[ValidationReport, ...] = ()
    report_times: tuple[int, ...] = ()
    started_at: int = 0
    end: TrialEnd | None = None
    ended_at: float | None = None
    test: TestScore | None = None
    borrowed: int = 0
    promoted_after: int = 0

    @property
    def outcome(self) -> Outcome | None:
        """The outcome of the trial; None if it has not ended."""
        return None if self.end is None else self.end.outcome

    @property
    def last_moment(self) -> int:
        """The time of the trial's end; before, that of its last report or of its start. In milliseconds since 1970."""
        if self.end is not None and self.ended_at is not None:
            return int(self.ended_at)
        return max((self.started_at, *self.report_times))

    @property
    def trained_seconds(self) -> float:
        """The seconds that its reported training and validation took: no start, and no pause between two attempts."""
        return sum(report.metrics.get("seconds", 0.0) for report in self.reports)
