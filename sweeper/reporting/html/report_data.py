"""What a report is about: a sweep's spec, its record, its results, and what the confirmed models answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from sweeper.protocol.confirmation import best_model_trial
from sweeper.protocol.ranking import best_report
from sweeper.protocol.sweep_results import SeedResult, SweepResults
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from sweeper.training.types import Predictions
from sweeper.trials.trial import TrialRecord
from sweeper.wording import format_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ModelAnswers:
    """What confirmed models answered, by trial, and for LCL the weights (C, C) that they learned between classes.

    `texts` are those of the validation split in its order, the two of a pair joined; where they are None, `untold`
    says why.
    """

    validation: Mapping[int, Predictions] = field(default_factory=dict)
    test: Mapping[int, Predictions] = field(default_factory=dict)
    weights: "Mapping[int, NDArray[np.float64]]" = field(default_factory=dict)
    texts: Sequence[str] | None = None
    untold: str = ""


@dataclass(frozen=True)
class ReportData:
    """A sweep; `cells` are the names of its cells."""

    spec: SweepSpec
    recorded: Sequence[TrialRecord]
    results: SweepResults
    systems: Sequence[str]
    answered: ModelAnswers = ModelAnswers()
    finished: bool = True

    @cached_property
    def searched(self) -> list[TrialRecord]:
        """The trials of the search."""
        return [one for one in self.recorded if not one.trial.source_trial]

    @cached_property
    def confirming(self) -> list[TrialRecord]:
        """The trials with fresh seeds."""
        return [one for one in self.recorded if one.trial.source_trial]

    @property
    def labels(self) -> list[str]:
        """The names of the classes."""
        return list(self.results.labels)

    @property
    def metric(self) -> str:
        """The objective's metric without its split: accuracy."""
        return self.spec.objective.metric.partition("/")[2]

    @cached_property
    def champion(self) -> TrialRecord | None:
        """The trial whose model is the sweep's: of the best confirmed setting, the seed that is best on validation."""
        return best_model_trial(self.spec, self.recorded)

    def seeds(self, system: int) -> list[SeedResult]:
        """The fresh seeds of a cell's winner, as its results have them."""
        confirmation = self.results.systems[system].confirmation
        return confirmation.seeds if confirmation else []

    def score(self, one: TrialRecord) -> float | None:
        """The best validation of a trial."""
        report = best_report(self.spec, one)
        return None if report is None else report.metrics[self.spec.objective.metric]

    def tuned(self, one: TrialRecord) -> dict[str, Scalar]:
        """The params of a trial without its cell's."""
        own = self.spec.systems[one.trial.system]
        return {name: value for name, value in one.trial.params.items() if name not in own}


def format_score(value: float | None) -> str:
    """A score as the report has it."""
    return "–" if value is None else f"{value:.4f}"


def format_params(params: Mapping[str, Scalar]) -> str:
    """Params as one phrase: batch_size 32, learning_rate 4.1e-05."""
    return ", ".join(
        f"{name} {f'{value:.4g}' if isinstance(value, float) else format_value(value)}"
        for name, value in params.items()
    )
