"""Which setting of a cell is the best on validation: pure, whichever store the trials came from."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.config import Scalar
from sweeper.outcome import Outcome


@dataclass(frozen=True)
class Row:
    """A trial as a ranking sees it. `score` is its best validation, `metrics` are those of that validation.

    `step` is that validation's number, `steps` how many there were; `outcome` is None while it is not done.
    """

    number: int
    cell: int
    params: Mapping[str, Scalar]
    outcome: Outcome | None
    score: float | None
    step: int
    steps: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Best:
    """The best setting of a cell: the mean score over the trials that ran it, and the best of these trials.

    `complete` is False where no trial of the cell completed, and the one that came furthest stands in.
    """

    cell: int
    row: Row
    mean: float
    repeats: int
    complete: bool


def best(rows: Sequence[Row], cell: int, sign: int) -> Best | None:
    """The best setting of a cell by validation; `sign` is 1 where more is better, -1 where less is.

    Settings that ran more than once, with other seeds, are ranked by their mean. Where nothing completed, the trial
    that came furthest is taken, and of these the best. None where no trial of the cell has a score.
    """
    scored = [row for row in rows if row.cell == cell and row.score is not None and row.outcome is not None]
    completed = [row for row in scored if row.outcome == Outcome.COMPLETED]
    if completed:
        settings: dict[tuple[tuple[str, Scalar], ...], list[Row]] = {}
        for row in completed:
            settings.setdefault(tuple(sorted(row.params.items())), []).append(row)
        winner = max(settings.values(), key=lambda runs: sign * _mean(runs))
        return Best(cell, max(winner, key=lambda row: sign * _score(row)), _mean(winner), len(winner), complete=True)
    if not scored:
        return None
    furthest = max(scored, key=lambda row: (row.steps, sign * _score(row)))
    return Best(cell, furthest, _score(furthest), 1, complete=False)


def counts(rows: Sequence[Row], cell: int) -> Counter[Outcome]:
    """How the trials of a cell ended."""
    return Counter(row.outcome for row in rows if row.cell == cell and row.outcome is not None)


def _score(row: Row) -> float:
    return row.score if row.score is not None else float("nan")


def _mean(rows: Sequence[Row]) -> float:
    return statistics.fmean(_score(row) for row in rows)
