"""Compare the systems of each column in pairs, on the same test texts, and find the best ones that are significant.

Both seeds and test texts are sources of chance (protocol/statistics.py). There are three kinds of p:

- `lead.p` of a pair, uncorrected: how likely such a lead is by chance if the two systems are equally good.
- `corrected_p` of a pair: the same, corrected for every pair of the table, because a reader of pairs sees all of them.
- `best_p` of a column's best cell, which decides whether it is bold. A column makes one claim, that its best system is
  the best. Its p is the largest `lead.p` over the others that can be tested, corrected for the number of columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sweeper.errors import RecordError, UsageError
from sweeper.protocol.statistics import (
    Estimate,
    TextScores,
    holm_correction,
    mean_score,
    pairwise_differences,
    selected_best_p,
)
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.text_scores import text_scores
from sweeper.reporting.table.cells import Caveat, TableCell
from sweeper.reporting.table.metrics import table_metric
from sweeper.reporting.table.systems import SystemKey

ALPHA = 0.05  # significance level of the whole table
MIN_SEEDS = 3  # a system with fewer seeds neither is bold nor makes another one bold


@dataclass(frozen=True)
class Comparison:
    """Two systems of a column: the lead of the first, and its p value after Holm's correction for all pairs.

    Both are None if the two cannot be compared; `reason` then says why.
    """

    dataset: str
    first: SystemKey
    second: SystemKey
    lead: Estimate | None = None
    corrected_p: float | None = None
    reason: str = ""


def check_same_test_set(cells: Sequence[TableCell]) -> None:
    """Raise UsageError if two cells of a data set were scored on different test texts or with different classes."""
    reference: dict[str, SweepResults] = {}
    for cell in (cell for cell in cells if cell.scores):
        first, other = reference.setdefault(cell.dataset, cell.results), cell.results
        if first.test_split != other.test_split:
            tests = _describe_texts(first), _describe_texts(other)
        elif first.labels != other.labels:
            tests = _describe_classes(first), _describe_classes(other)
        else:
            continue
        raise UsageError(
            f"{cell.dataset}: {first.sweep} was tested on {tests[0]}, {other.sweep} on {tests[1]}; the sweeps of a "
            "column must have the same test set. Name the sweeps to show: sweeper table SWEEP..."
        )


def _describe_texts(results: SweepResults) -> str:
    test = results.test_split
    return f"{test.texts:,} texts of digest {test.digest[:8]}" if test else "nothing"


def _describe_classes(results: SweepResults) -> str:
    return f"the classes {', '.join(results.labels)}"


def compare_systems(cells: Sequence[TableCell]) -> tuple[list[TableCell], list[Comparison]]:
    """Return the cells with confidence intervals, and all comparisons.

    The best cell of a data set is bold if its leads over the others are significant. The cells must be scored by a
    metric that is compared, and those of a data set on the same texts. Raises RecordError if predictions contradict
    that.
    """
    scores, missing = _text_scores(cells)
    columns = _columns(cells)
    comparisons = {key: pair for column in columns for key, pair in _compare_pairs(cells, column, scores).items()}
    p_values = {key: pair.lead.p for key, pair in comparisons.items() if pair.lead is not None}
    for key, p in zip(p_values, holm_correction(list(p_values.values())), strict=True):
        comparisons[key] = replace(comparisons[key], corrected_p=p)
    best_ps = _best_ps(cells, columns, comparisons)
    compared = [
        replace(
            cell,
            best_p=best_ps.get(k),
            is_bold=best_ps.get(k, 1.0) < ALPHA,
            interval=_interval(cell, scores[k]) if k in scores else None,
            caveats={**cell.caveats, **({Caveat.NOT_COMPARED: ""} if k in missing else {})},
        )
        for k, cell in enumerate(cells)
    ]
    return compared, list(comparisons.values())


def _interval(cell: TableCell, scores: TextScores) -> Estimate | None:
    """Return a cell's mean score with its interval, cut where a share ends; None where no two scores differ."""
    estimate = mean_score(scores)
    if not estimate.error:
        return None
    if not table_metric(cell.metric).definition.is_share:
        return estimate
    return replace(estimate, low=max(0.0, estimate.low), high=min(1.0, estimate.high))


def _text_scores(cells: Sequence[TableCell]) -> tuple[dict[int, TextScores], set[int]]:
    """Return the scores by text of cells with at least two seeds, and the cells with missing predictions.

    Cells are given by their index in `cells`.
    """
    scores: dict[int, TextScores] = {}
    missing: set[int] = set()
    true_labels: dict[str, NDArray[np.int64]] = {}
    for k, cell in enumerate(cells):
        predictions = cell.test_predictions()
        if cell.scores and not predictions:
            missing.add(k)
        for model in predictions:
            if not np.array_equal(true_labels.setdefault(cell.dataset, model.labels), model.labels):
                raise RecordError(
                    f"{cell.results.sweep}: its predictions belong to other test texts than those of {cell.dataset}; "
                    "restore a copy of the sweep"
                )
        if len(predictions) > 1:
            scores[k] = text_scores(predictions, cell.metric, cell.results.labels)
    return scores, missing


def _columns(cells: Sequence[TableCell]) -> list[list[int]]:
    """Return the indices of the cells that have a score, grouped by data set."""
    columns: dict[str, list[int]] = {}
    for k, cell in enumerate(cells):
        if cell.scores:
            columns.setdefault(cell.dataset, []).append(k)
    return list(columns.values())


def _compare_pairs(
    cells: Sequence[TableCell], column: Sequence[int], scores: Mapping[int, TextScores]
) -> dict[tuple[int, int], Comparison]:
    """Return the comparisons of all pairs of a column, by their indices, before the correction."""
    testable = [k for k in column if k in scores]
    differences = pairwise_differences([scores[k] for k in testable])
    leads = {(testable[i], testable[j]): lead for (i, j), lead in differences.items()}
    comparisons = {}
    for position, i in enumerate(column):
        for j in column[position + 1 :]:
            lead, first, second = leads.get((i, j)), cells[i], cells[j]
            reason = "" if lead else _why_not_compared(first, second)
            comparisons[i, j] = Comparison(first.dataset, first.system, second.system, lead, reason=reason)
    return comparisons


def _why_not_compared(first: TableCell, second: TableCell) -> str:
    return "a single seed" if min(len(first.scores), len(second.scores)) < 2 else "predictions are missing"


def _best_ps(
    cells: Sequence[TableCell], columns: Sequence[list[int]], comparisons: Mapping[tuple[int, int], Comparison]
) -> dict[int, float]:
    """Return p, corrected for the number of columns, for the claim that a column's best cell is the best, by its index.

    Columns without a test make no claim.
    """
    claims = {}
    for column in columns:
        best, *others = sorted(column, key=lambda k: -table_metric(cells[k].metric).sign * (cells[k].mean or 0))
        pairs = {k: comparisons[min(best, k), max(best, k)] for k in others}
        if any(pair.lead for pair in pairs.values()):
            claims[best] = _best_p(cells, best, pairs)
    return dict(zip(claims, holm_correction(list(claims.values())), strict=True))


def _best_p(cells: Sequence[TableCell], best: int, pairs: Mapping[int, Comparison]) -> float:
    """Return p for the claim that a cell is the best; 1 if it or the second best has too few seeds or predictions.

    `pairs` compare it with each other cell of its column, the second best first. Further cells with too few seeds or
    without predictions do not count.
    """
    leads = {k: pair.lead for k, pair in pairs.items() if pair.lead and _has_enough_seeds(cells[best], cells[k])}
    return selected_best_p(leads.values()) if next(iter(pairs)) in leads else 1.0


def _has_enough_seeds(first: TableCell, second: TableCell) -> bool:
    return min(len(first.scores), len(second.scores)) >= MIN_SEEDS


def untested_rivals(cells: Sequence[TableCell], comparisons: Sequence[Comparison]) -> list[TableCell]:
    """Return the cells over which a bold cell of their column has no tested lead, because they lack seeds or scores."""
    compared = {(pair.dataset, frozenset((pair.first, pair.second))) for pair in comparisons if pair.lead}
    return [
        rival
        for best in (cell for cell in cells if cell.is_bold)
        for rival in cells
        if rival.dataset == best.dataset and rival is not best
        if not _has_enough_seeds(best, rival) or (best.dataset, frozenset((best.system, rival.system))) not in compared
    ]
