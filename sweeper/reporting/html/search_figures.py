"""The figures of optimism and of the settings that were tried."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from sweeper.reporting.html.figure_data import (
    ConfirmedScore,
    OptimismFigure,
    PairFigure,
    ParallelAxis,
    ParallelFigure,
    SliceFigure,
)
from sweeper.reporting.html.report_data import ReportData, format_outcome
from sweeper.search_space.domains import Categorical, Domain, Int
from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial

_OUTCOMES = (*(outcome.label for outcome in Outcome), "not ended")
MIN_PAIR_TRIALS = 4  # fewer trials show nothing about two hyperparameters
_MAX_CHOICES = 12  # an axis of whole numbers with at most so many values has a tick for each


def build_optimism(report: ReportData) -> OptimismFigure:
    """Return the search score of each confirmed system beside the scores of its fresh seeds."""
    rows = []
    for name, result in zip(report.systems, report.results.systems, strict=True):
        confirmation = result.confirmation
        if confirmation is not None:
            validation = [seed.metrics.get(f"validation/{report.metric}") for seed in confirmation.models]
            test = [(seed.test or {}).get(f"test/{report.metric}") for seed in confirmation.models]
            rows.append(ConfirmedScore(name, confirmation.search_mean, known_scores(validation), known_scores(test)))
    return OptimismFigure(report.metric, rows)


def known_scores(scores: Sequence[float | None]) -> list[float]:
    """Return the scores that are not None."""
    return [score for score in scores if score is not None]


def build_parallel(report: ReportData) -> ParallelFigure:
    """Return parallel coordinates of every search trial: its system, hyperparameters, outcome and score."""
    records = report.search_records
    axes = [ParallelAxis("system", [report.systems[record.trial.system] for record in records], report.systems)]
    axes += _hyperparameter_axes(report)
    outcomes = [format_outcome(record) for record in records]
    axes.append(ParallelAxis("outcome", outcomes, [outcome for outcome in reversed(_OUTCOMES) if outcome in outcomes]))
    varying = [axis for axis in axes if len(set(axis.values)) > 1]
    scores = [report.score(record) for record in records]
    return ParallelFigure(report.spec.objective.metric, varying, scores, report.higher_is_better)


def build_slices(report: ReportData) -> list[SliceFigure]:
    """Return a figure for each hyperparameter that varies, with the trials that have a value and a score."""
    figures, trials = [], _scored_trials(report)
    for axis in _varying_axes(report):
        scored = [point for point in trials if axis.values[point.row] is not None]
        values = [axis.values[point.row] for point in scored]
        if len(set(values)) > 1:
            figures.append(
                SliceFigure(
                    report.spec.objective.metric,
                    replace(axis, values=values),
                    [point.score for point in scored],
                    [report.systems[point.trial.system] for point in scored],
                    [point.trial.number for point in scored],
                    report.systems,
                )
            )
    return figures


def build_pairs(report: ReportData) -> list[PairFigure]:
    """Return the contour and the ranks of any two hyperparameters; none if fewer than two vary."""
    scored = _scored_trials(report)
    axes = [replace(axis, values=[axis.values[point.row] for point in scored]) for axis in _varying_axes(report)]
    axes = sorted(
        (axis for axis in axes if len(set(axis.values) - {None}) > 1), key=lambda axis: axis.choices is not None
    )
    if len(axes) < 2 or len(scored) < MIN_PAIR_TRIALS:
        return []
    scores, trials = [point.score for point in scored], [point.trial.number for point in scored]
    metric, higher = report.spec.objective.metric, report.higher_is_better
    return [PairFigure(metric, axes, scores, trials, is_rank, higher) for is_rank in (False, True)]


class _ScoredTrial(NamedTuple):
    """A trial of the search that has a score, and its place among all of them."""

    row: int
    trial: Trial
    score: float


def _scored_trials(report: ReportData) -> list[_ScoredTrial]:
    scores = [(k, record.trial, report.score(record)) for k, record in enumerate(report.search_records)]
    return [_ScoredTrial(k, trial, score) for k, trial, score in scores if score is not None]


def _varying_axes(report: ReportData) -> list[ParallelAxis]:
    """Return the axis of each searched hyperparameter that has more than one value."""
    return [axis for axis in _hyperparameter_axes(report) if len(set(axis.values) - {None}) > 1]


def _hyperparameter_axes(report: ReportData) -> list[ParallelAxis]:
    """Return the axis of each searched hyperparameter, with a value for each trial of the search, or None."""
    return [
        _build_axis(
            hyperparameter.name,
            [record.trial.params.get(hyperparameter.name) for record in report.search_records],
            [branch.domain for branch in hyperparameter.branches],
        )
        for hyperparameter in report.spec.space.searched_hyperparameters()
    ]


def _build_axis(name: str, values: Sequence[Scalar | None], domains: Sequence[Domain]) -> ParallelAxis:
    """Return the axis of a hyperparameter with these domains: choices if there are few, otherwise a range.

    The axis is logarithmic if one of the domains is and none contains 0 or less.
    """
    if all(isinstance(domain, Categorical) or _has_few_values(domain) for domain in domains):
        choices = list(dict.fromkeys(value for domain in domains for value in domain.enumerate_values() or ()))
        return ParallelAxis(name, values, sorted(choices) if all(map(_is_number, choices)) else choices)
    low, high = joint_range(domains)
    is_log = low > 0 and any(not isinstance(domain, Categorical) and domain.log for domain in domains)
    return ParallelAxis(name, values, range=(low, high), is_log=is_log)


def _has_few_values(domain: Domain) -> bool:
    return isinstance(domain, Int) and len(domain.enumerate_values()) <= _MAX_CHOICES


def _is_number(value: Scalar) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def joint_range(domains: Sequence[Domain]) -> tuple[float, float]:
    """Return the lowest and the highest value of all these domains."""
    limits = [limit for domain in domains for limit in _limits(domain)]
    return min(limits), max(limits)


def _limits(domain: Domain) -> Sequence[float]:
    if isinstance(domain, Categorical):
        return [float(value) for value in domain.values if _is_number(value)]
    return (domain.low, domain.high)
