"""Which system of a column leads, and by how much: all pairs on the same test texts, and Holm's correction over all.

Seeds and test texts are both chance (statistics.py); Holm counts every pair of the whole table, for a reader looks at
all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sweeper.errors import RecordError, UsageError
from sweeper.protocol.statistics import Correct, Estimate, accuracy, holm_correction, pairwise_differences
from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table.cells import Caveat, TableCell, correct_matrix
from sweeper.reporting.table.systems import SystemKey

ALPHA = 0.05  # of the whole table
FEWEST = 3  # seeds, that a lead may be shown


@dataclass(frozen=True)
class Comparison:
    """Two systems of a column: how far the first leads, and its p after Holm; both None where `why` says why not."""

    dataset: str
    ours: SystemKey
    theirs: SystemKey
    lead: Estimate | None = None
    holm: float | None = None
    why: str = ""


def check_same_test_set(cells: Sequence[TableCell]) -> None:
    """Raise UsageError where two cells of a data set were scored on different test texts, or with other classes."""
    first: dict[str, SweepResults] = {}
    for cell in (cell for cell in cells if cell.scores):
        one, other = first.setdefault(cell.dataset, cell.sweep), cell.sweep
        if one.test_split == other.test_split and one.labels == other.labels:
            continue
        on, as_ = (
            (_texts(one), _texts(other)) if one.test_split != other.test_split else (_classes(one), _classes(other))
        )
        raise UsageError(
            f"{cell.dataset}: {one.sweep} was tested on {on}, {other.sweep} on {as_}; they cannot stand in one column. "
            "Name the sweeps that shall: sweeper table SWEEP..."
        )


def _texts(sweep: SweepResults) -> str:
    return (
        f"{sweep.test_split.texts:,} texts of digest {sweep.test_split.digest[:8]}" if sweep.test_split else "nothing"
    )


def _classes(sweep: SweepResults) -> str:
    return f"the classes {', '.join(sweep.labels)}"


def compare_systems(cells: Sequence[TableCell]) -> tuple[list[TableCell], list[Comparison]]:
    """The cells with their intervals, and the best of a data set bold where its lead over the next stands; all pairs.

    The cells of a data set must have been scored on the same texts, and by accuracy. Raises RecordError where their
    answers contradict that.
    """
    hits, missing = _hits(cells)
    pairs = {key: pair for column in _columns(cells) for key, pair in _pairs(cells, column, hits).items()}
    raw = {key: pair.lead.p for key, pair in pairs.items() if pair.lead is not None}
    for key, p in zip(raw, holm_correction(list(raw.values())), strict=True):
        pairs[key] = replace(pairs[key], holm=p)
    bold = [_stands(cells, column, pairs) for column in _columns(cells)]
    found = [
        replace(
            cell,
            bold=k in bold,
            interval=accuracy(hits[k]) if k in hits else None,
            caveats={**cell.caveats, **({Caveat.NOT_COMPARED: ""} if k in missing else {})},
        )
        for k, cell in enumerate(cells)
    ]
    return found, list(pairs.values())


def _hits(cells: Sequence[TableCell]) -> tuple[dict[int, Correct], set[int]]:
    """The hits of the cells with two seeds or more, by place; the places of those whose answers are not at hand."""
    hits: dict[int, Correct] = {}
    missing: set[int] = set()
    truth: dict[str, NDArray[np.int64]] = {}
    for k, cell in enumerate(cells):
        answers = cell.answers()
        if cell.scores and not answers:
            missing.add(k)
        for one in answers:
            if not np.array_equal(truth.setdefault(cell.dataset, one.labels), one.labels):
                raise RecordError(
                    f"{cell.sweep.sweep}: its answers are to other test texts than those of {cell.dataset}"
                )
        if len(answers) > 1:
            hits[k] = correct_matrix(answers)
    return hits, missing


def _columns(cells: Sequence[TableCell]) -> list[list[int]]:
    """The places of the cells that have a score, by data set."""
    found: dict[str, list[int]] = {}
    for k, cell in enumerate(cells):
        if cell.scores:
            found.setdefault(cell.dataset, []).append(k)
    return list(found.values())


def _pairs(
    cells: Sequence[TableCell], column: Sequence[int], hits: Mapping[int, Correct]
) -> dict[tuple[int, int], Comparison]:
    """All pairs of a column, by their places, before the correction."""
    tested = [k for k in column if k in hits]
    found = {(tested[i], tested[j]): lead for (i, j), lead in pairwise_differences([hits[k] for k in tested]).items()}
    pairs = {}
    for place, ours in enumerate(column):
        for theirs in column[place + 1 :]:
            lead = found.get((ours, theirs))
            why = "" if lead else _why(cells[ours], cells[theirs])
            pairs[ours, theirs] = Comparison(
                cells[ours].dataset, cells[ours].system, cells[theirs].system, lead, why=why
            )
    return pairs


def _why(*pair: TableCell) -> str:
    """Why two cells cannot be tested."""
    return "a single seed" if min(len(cell.scores) for cell in pair) < 2 else "answers are not at hand"


def _stands(
    cells: Sequence[TableCell], column: Sequence[int], pairs: Mapping[tuple[int, int], Comparison]
) -> int | None:
    """The place of the best cell of a column, where its lead over the next best stands."""
    ranked = sorted(column, key=lambda k: -(cells[k].mean or 0))
    if len(ranked) < 2:
        return None
    best, following = ranked[:2]
    pair = pairs[min(best, following), max(best, following)]
    enough = min(len(cells[best].scores), len(cells[following].scores)) >= FEWEST
    return best if enough and pair.holm is not None and pair.holm < ALPHA else None
