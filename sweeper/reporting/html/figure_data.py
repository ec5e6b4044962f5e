"""What is in each picture of a report, as plain values. How it looks is decided where it is drawn, in plots/plots.py.

A score is that of the sweep's objective, None where a trial has none; an outcome is None while a trial has not ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ConfirmedScore:
    """A cell before and after it was confirmed: its score in the search, and those of fresh seeds, by split."""

    system: str
    search: float
    validation: Sequence[float]
    test: Sequence[float]


@dataclass(frozen=True)
class Optimism:
    """What the search promised beside what fresh seeds gave; `metric` without its split: accuracy."""

    metric: str
    rows: Sequence[ConfirmedScore]


@dataclass(frozen=True)
class ParallelAxis:
    """One knob of a Parallel, with a value for each trial, None where it did not apply.

    `listed` are its values where they can be counted, in order; else it is a `range` from low to high, `log` or not,
    by default that of the values.
    """

    name: str
    values: Sequence[Scalar | None]
    listed: Sequence[Scalar] | None = None
    range: tuple[float, float] | None = None
    log: bool = False


@dataclass(frozen=True)
class Parallel:
    """Parallel coordinates: every trial is a line through its value on each axis; `more` where more is better."""

    metric: str
    axes: Sequence[ParallelAxis]
    scores: Sequence[float | None]
    more: bool = True


@dataclass(frozen=True)
class Importances:
    """The knobs of one cell, the most important first."""

    title: str
    hyperparameters: Sequence[Importance]


@dataclass(frozen=True)
class AlphaTauPoint:
    """A trial on a Map."""

    trial: int
    tau: float
    alpha: float
    score: float | None
    outcome: Outcome | None


@dataclass(frozen=True)
class AlphaTauMap:
    """The trials of one cell by tau and alpha, in the ranges of the search; `scores` are the ends of their scale."""

    title: str
    metric: str
    points: Sequence[AlphaTauPoint]
    scores: tuple[float, float]
    taus: tuple[float, float]
    alphas: tuple[float, float]
    more: bool = True


@dataclass(frozen=True)
class Curve:
    """How one trial went: its score at each epoch. `confirms` where it trained a chosen setting with a fresh seed."""

    trial: int
    epochs: Sequence[float]
    scores: Sequence[float]
    outcome: Outcome | None
    confirms: bool = False


@dataclass(frozen=True)
class Curves:
    """The trials of one cell; after the epochs `rungs`, ASHA could stop one."""

    title: str
    metric: str
    curves: Sequence[Curve]
    rungs: Sequence[float] = ()


@dataclass(frozen=True)
class TimelineBar:
    """A trial on a Timeline, from `begin` to `end` in hours since the sweep began, on the worker `slot` from 0."""

    trial: int
    system: str
    slot: int
    begin: float
    end: float
    outcome: Outcome | None
    attempts: int = 1
    confirms: bool = False


@dataclass(frozen=True)
class Timeline:
    """Which trial ran when, and beside which others; `pauses` were cut out: where, and how many hours they took."""

    bars: Sequence[TimelineBar]
    pauses: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class BestCurve:
    """The expected best score of a cell after 1, 2, … trials."""

    system: str
    best: Sequence[float]


@dataclass(frozen=True)
class Expected:
    """The expected best score against the number of trials."""

    metric: str
    lines: Sequence[BestCurve]


@dataclass(frozen=True)
class ConfusionFigure:
    """How often each true class (rows) was taken for each class (columns): counts (C, C)."""

    labels: Sequence[str]
    counts: "NDArray[np.int64]"
    title: str = ""


@dataclass(frozen=True)
class ClassWeightsFigure:
    """The mean weight that LCL gave each class (columns) for texts of each true class (rows): (C, C), NaN for none."""

    labels: Sequence[str]
    weights: "NDArray[np.float64]"
    title: str = ""


Figure = (
    Optimism
    | Parallel
    | Importances
    | AlphaTauMap
    | Curves
    | Timeline
    | Expected
    | ConfusionFigure
    | ClassWeightsFigure
)
