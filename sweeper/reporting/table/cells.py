"""The cells of the published table: one system on one data set, the test scores of its fresh seeds, and caveats.

Nothing is repaired or left out here. Anything unusual about a cell is a caveat, and the table has a footnote for it.
"""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from sweeper.errors import RecordError
from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.protocol.ranking import describe_outcomes
from sweeper.protocol.statistics import Estimate
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.system_results import ConfirmationResult, SeedResult, SystemResult
from sweeper.protocol.text_scores import has_text_scores, metric_of, rescale
from sweeper.reporting.table.cell_scores import find_scores
from sweeper.reporting.table.metrics import table_metric
from sweeper.reporting.table.systems import SystemKey, system_of
from sweeper.trials.outcome import Outcome
from sweeper.wording import count_noun


class Caveat(StrEnum):
    """The things that can be unusual about a cell. The value is the text of the footnote; this is also their order."""

    UNCONFIRMED = "not confirmed with fresh seeds"
    UNTESTED = "confirmed, but the data set has no test split"
    INCOMPLETE = "fewer seeds were scored than planned"
    ENDED_BADLY = "some seeds did not complete; those that left a model were scored nevertheless"
    LIMITED = "only a part of the rows was used"
    SECOND_TEST_ACCESS = "tested again: a new setting was chosen after another setting of this system had been tested"
    NO_SCORE = "no score by this metric"
    NOT_COMPARED = "not compared with other systems: predictions of its models are missing"


@dataclass(frozen=True)
class TableCell:
    """One system on one data set. `scores` are by trial, by `metric` on the test split; a share is in [0, 1].

    `caveats` have a text that says how far each applies. comparisons.py sets `interval`, `best_p` and `is_bold`.
    """

    source: FinishedSweep
    result: SystemResult
    system: SystemKey
    scores: Mapping[int, float]
    caveats: Mapping[Caveat, str]
    dataset: str  # the label of its column
    metric: str = "accuracy"
    interval: Estimate | None = None
    best_p: float | None = None
    is_bold: bool = False

    @property
    def results(self) -> SweepResults:
        """The results of the sweep that the cell comes from."""
        return self.source.results

    @property
    def seeds(self) -> Sequence[SeedResult]:
        """The trainings with fresh seeds, scored or not."""
        return self.result.confirmation.seeds if self.result.confirmation else ()

    @property
    def tested_trials(self) -> list[int]:
        """The trials whose models were scored on the test split, also where the metric is undefined."""
        return [seed.trial for seed in self.seeds if seed.test is not None]

    @cached_property
    def mean(self) -> float | None:
        """The mean score over the seeds; None if no seed was scored."""
        return statistics.fmean(self.scores.values()) if self.scores else None

    @cached_property
    def sd(self) -> float | None:
        """The standard deviation (n - 1) of the scores; None for fewer than two."""
        return statistics.stdev(self.scores.values()) if len(self.scores) > 1 else None

    @property
    def num_test_accesses(self) -> int:
        """The number of times that the test split was accessed for these seeds."""
        trials = {seed.trial for seed in self.seeds}
        return sum(access.trial in trials for access in self.results.test_accesses)

    def test_predictions(self) -> list[TestPredictions]:
        """Return the predictions of all scored models; an empty list if those of any model are missing.

        They are rescaled for a metric after temperature scaling. Raises RecordError if they contradict the scores.
        """
        predictions_by_trial = {trial: self._find_predictions(trial) for trial in self.scores}
        stored = {
            trial: model
            for trial, model in predictions_by_trial.items()
            if model and has_text_scores(model, self.metric)
        }
        for trial, predictions in stored.items():
            self._check_score(trial, predictions)
        return list(stored.values()) if len(stored) == len(self.scores) else []

    def _find_predictions(self, trial: int) -> TestPredictions | None:
        model = self.source.predictions.get(trial)
        if model is None or not table_metric(self.metric).definition.is_rescaled:
            return model
        return rescale(model, self.source.validation.get(trial))

    def _check_score(self, trial: int, predictions: TestPredictions) -> None:
        stored_score, score = self.scores[trial], self.scores[trial]
        num_texts = self.results.test_split.texts if self.results.test_split else 0
        num_predictions = len(predictions.labels)
        definition = table_metric(self.metric).definition
        if definition.function is not None or definition.of_label_sets is not None:
            score = metric_of(predictions, self.metric, self.results.labels)
        if num_predictions != num_texts or abs(score - stored_score) * num_texts > 0.5:
            recorded = f"{self.metric} {stored_score:.4f} on {num_texts:,} test texts"
            raise RecordError(
                f"{self.results.sweep}: trial {trial} has {recorded}, but its predictions have {score:.4f} on "
                f"{num_predictions:,}: one of the two was altered; restore a copy of the sweep"
            )


def build_cells(source: FinishedSweep, metric: str, column: str = "") -> list[TableCell]:
    """Return the cells of a finished sweep, one per system, by a metric of the test split.

    `column` is the label of their column, by default the name of the data set. Raises RecordError if a score is missing
    or not possible.
    """
    label = column or source.results.dataset
    return [_build_cell(source, result, metric, label) for result in source.results.systems]


def _build_cell(source: FinishedSweep, result: SystemResult, metric: str, column: str) -> TableCell:
    seeds = result.confirmation.seeds if result.confirmation else ()
    scores, reason = find_scores(source, seeds, metric)
    caveats = _find_caveats(source.results, result, sum(seed.test is not None for seed in seeds))
    caveats |= {Caveat.NO_SCORE: reason} if reason else {}
    return TableCell(source, result, system_of(source.results, result), scores, caveats, column, metric)


def _find_caveats(results: SweepResults, result: SystemResult, num_scored: int) -> dict[Caveat, str]:
    """Return the caveats of a cell, each with a text that says how far it applies."""
    confirmation = result.confirmation
    subsample = ", ".join(f"{rows:,} of {split}" for split, rows in results.subsample.items())
    caveats = {Caveat.LIMITED: subsample} if subsample else {}
    if confirmation is None or not confirmation.seeds:
        completed = result.outcomes.get(Outcome.COMPLETED, 0)
        reason = f"no trial of its search completed: {describe_outcomes(result.outcomes)}"
        return {Caveat.UNCONFIRMED: "" if completed else reason.removesuffix(": "), **caveats}
    ended_badly: Counter[Outcome] = Counter(
        seed.outcome for seed in confirmation.seeds if seed.outcome != Outcome.COMPLETED
    )
    if results.test_split is None:
        caveats[Caveat.UNTESTED] = _describe_validation(results, confirmation)
    elif num_scored < confirmation.planned_seeds:
        caveats[Caveat.INCOMPLETE] = f"{num_scored} of {confirmation.planned_seeds}"
    if ended_badly:
        caveats[Caveat.ENDED_BADLY] = describe_outcomes(ended_badly)
    if confirmation.tested_settings > 1:
        caveats[Caveat.SECOND_TEST_ACCESS] = f"{confirmation.tested_settings} settings tested"
    return caveats


def _describe_validation(results: SweepResults, confirmation: ConfirmationResult) -> str:
    """Return the objective of the fresh seeds, which a data set without a test split has instead of a test score."""
    if confirmation.mean is None:
        return ""
    sd = "" if confirmation.sd is None else f" ± {confirmation.sd:.4f}"
    seeds = count_noun(sum(bool(seed.metrics) for seed in confirmation.models), "fresh seed")
    return f"{results.objective} {confirmation.mean:.4f}{sd} with {seeds}"


def sweeps_of(cells: Iterable[TableCell]) -> list[tuple[str, SweepResults]]:
    """Return each sweep of these cells once: the label of its data set, and its results."""
    return list({id(cell.results): (cell.dataset, cell.results) for cell in cells}.values())
