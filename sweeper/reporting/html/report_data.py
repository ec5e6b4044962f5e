"""The data of a report: the spec of a sweep, its record and results, and the predictions of its confirmed models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from sweeper.protocol.confirmation import best_model_trial
from sweeper.protocol.ranking import best_report
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.system_results import SeedResult
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from sweeper.training.types import Predictions
from sweeper.trials.trial import TrialRecord
from sweeper.wording import format_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")


@dataclass(frozen=True)
class ModelPredictions:
    """The predictions of confirmed models by trial, and the class weights (C, C) that LCL learned.

    `texts` are the texts of the validation split in its order, with the two of a pair joined. If they are None,
    `texts_note` says why.
    """

    validation: Mapping[int, Predictions] = field(default_factory=dict)
    test: Mapping[int, Predictions] = field(default_factory=dict)
    class_weights: "Mapping[int, NDArray[np.float64]]" = field(default_factory=dict)
    texts: Sequence[str] | None = None
    texts_note: str = ""


@dataclass(frozen=True)
class ReportData:
    """Everything that a report shows. `systems` are the names of the systems.

    `winner` are lines about the winner, each with a label. `run_urls` are the pages of trials in MLflow, as far as
    known, and `mlflow_note` says when they can be opened.
    """

    spec: SweepSpec
    records: Sequence[TrialRecord]
    results: SweepResults
    systems: Sequence[str]
    predictions: ModelPredictions = ModelPredictions()
    is_finished: bool = True
    winner: Sequence[tuple[str, str]] = ()
    run_urls: Mapping[int, str] = field(default_factory=dict)
    mlflow_note: str = ""

    @cached_property
    def search_records(self) -> list[TrialRecord]:
        """The trials of the search."""
        return [record for record in self.records if record.trial.is_of_search]

    @cached_property
    def confirmation_records(self) -> list[TrialRecord]:
        """The trials with fresh seeds."""
        return [record for record in self.records if record.trial.source_trial]

    @property
    def labels(self) -> list[str]:
        """The names of the classes."""
        return list(self.results.labels)

    @property
    def metric(self) -> str:
        """The objective's metric without its split: accuracy."""
        return self.spec.objective.metric.partition("/")[2]

    @property
    def higher_is_better(self) -> bool:
        """True if the objective is maximized."""
        return self.spec.objective.sign > 0

    @cached_property
    def best_record(self) -> TrialRecord | None:
        """The trial with the sweep's model: the seed of the best confirmed setting that is best on validation."""
        return best_model_trial(self.spec, self.records)

    def search_records_of(self, system: int) -> list[TrialRecord]:
        """Return the search trials of one system."""
        return [record for record in self.search_records if record.trial.system == system]

    def seeds(self, system: int) -> list[SeedResult]:
        """Return the fresh seeds of a system's confirmed setting."""
        confirmation = self.results.systems[system].confirmation
        return confirmation.seeds if confirmation else []

    def select_seeds(self, system: int, by_trial: Mapping[int, T]) -> dict[int, T]:
        """Return the values that belong to the fresh seeds of a system's confirmed setting, as far as there are any."""
        return {seed.trial: by_trial[seed.trial] for seed in self.seeds(system) if seed.trial in by_trial}

    def stored_predictions(self, system: int) -> tuple[str, dict[int, Predictions]]:
        """Return a split, and the predictions of a system's seeds on it: test, or validation if there are none."""
        test = self.select_seeds(system, self.predictions.test)
        return ("test", test) if test else ("validation", self.select_seeds(system, self.predictions.validation))

    def score(self, record: TrialRecord) -> float | None:
        """Return the best validation of a trial, by the objective."""
        report = best_report(self.spec, record)
        return None if report is None else report.metrics[self.spec.objective.metric]

    def searched_params(self, record: TrialRecord) -> dict[str, Scalar]:
        """Return the hyperparameters of a trial without those of its system."""
        system = self.spec.systems[record.trial.system]
        return {name: value for name, value in record.trial.params.items() if name not in system}


def format_outcome(record: TrialRecord) -> str:
    """Return the outcome of a trial in words."""
    return record.end.outcome.label if record.end else "not ended"


def format_page_score(value: float | None) -> str:
    """Return a score as the page shows it: with four decimals; "–" for None."""
    return "–" if value is None else f"{value:.4f}"


def format_page_params(params: Mapping[str, Scalar]) -> str:
    """Return hyperparameters as the page shows them, in full: batch_size 32, encoder google/electra-base."""
    return ", ".join(
        f"{name} {f'{value:.4g}' if isinstance(value, float) else format_value(value)}"
        for name, value in params.items()
    )


def confirmation_cost(results: SweepResults, system: int) -> tuple[float, float]:
    """Return the epochs and hours of a system's fresh seeds, also before its confirmation is decided."""
    seeds = [trial for trial in results.fresh_seeds if trial.system == system]
    return sum(trial.epochs for trial in seeds), sum(trial.hours for trial in seeds)


def training_hours(results: SweepResults) -> float:
    """Return the hours of training and validation of a sweep, in its search and its confirmation."""
    confirmation = sum(trial.hours for trial in results.fresh_seeds)
    return sum(system.hours for system in results.systems) + confirmation
