"""The content of each figure of a report as plain values. `reporting/plots/` decides how a figure looks.

A score is that of the sweep's objective, and None if a trial has none. An outcome is None while a trial has not ended.
`higher_is_better` says which direction of the objective is good.
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
    """The score of a system in the search, and the scores of its fresh seeds on validation and on test."""

    system: str
    search: float
    validation: Sequence[float]
    test: Sequence[float]


@dataclass(frozen=True)
class OptimismFigure:
    """Search scores beside the scores of fresh seeds. `metric` is without its split: accuracy."""

    metric: str
    rows: Sequence[ConfirmedScore]


@dataclass(frozen=True)
class ParallelAxis:
    """One axis of parallel coordinates, with a value for each trial; None where a hyperparameter was inactive.

    `choices` are the possible values in order if there are few. Otherwise the axis has a numeric `range` from low to
    high, by default that of the values, on a linear or a logarithmic scale.
    """

    name: str
    values: Sequence[Scalar | None]
    choices: Sequence[Scalar] | None = None
    range: tuple[float, float] | None = None
    is_log: bool = False


@dataclass(frozen=True)
class ParallelFigure:
    """Parallel coordinates: each trial is a line through its value on each axis."""

    metric: str
    axes: Sequence[ParallelAxis]
    scores: Sequence[float | None]
    higher_is_better: bool = True


@dataclass(frozen=True)
class ImportanceFigure:
    """The importances of the hyperparameters of one system, the largest first."""

    title: str
    importances: Sequence[Importance]


@dataclass(frozen=True)
class AlphaTauPoint:
    """One trial of an alpha-tau figure."""

    trial: int
    tau: float
    alpha: float
    score: float | None
    outcome: Outcome | None


@dataclass(frozen=True)
class AlphaTauFigure:
    """The trials of one system by tau and alpha. `tau_range` and `alpha_range` are those of the search.

    `score_range` has the ends of the color scale.
    """

    title: str
    metric: str
    points: Sequence[AlphaTauPoint]
    score_range: tuple[float, float]
    tau_range: tuple[float, float]
    alpha_range: tuple[float, float]
    higher_is_better: bool = True


@dataclass(frozen=True)
class LearningCurve:
    """The scores of one trial by epoch. `is_confirmation` is True for a fresh seed of a chosen setting."""

    trial: int
    epochs: Sequence[float]
    scores: Sequence[float]
    outcome: Outcome | None
    is_confirmation: bool = False


@dataclass(frozen=True)
class LearningCurvesFigure:
    """The learning curves of one system. `rungs` are the epochs after which early stopping can stop a trial."""

    title: str
    metric: str
    curves: Sequence[LearningCurve]
    rungs: Sequence[float] = ()


@dataclass(frozen=True)
class TimelineBar:
    """A trial on a timeline, from `start` to `end` in hours since the sweep began, on a worker counted from 0."""

    trial: int
    system: str
    worker: int
    start: float
    end: float
    outcome: Outcome | None
    attempts: int = 1
    is_confirmation: bool = False


@dataclass(frozen=True)
class TimelineFigure:
    """The trials by time and worker. `pauses` were cut out: the moment of each, and its length, in hours."""

    bars: Sequence[TimelineBar]
    pauses: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class ExpectedBestCurve:
    """The expected best score of a system after 1, 2, … trials."""

    system: str
    best: Sequence[float]


@dataclass(frozen=True)
class ExpectedBestFigure:
    """The expected best score of each system against the number of trials."""

    metric: str
    curves: Sequence[ExpectedBestCurve]


@dataclass(frozen=True)
class ConfusionFigure:
    """The number of texts of each true class (rows) that were taken for each class (columns): (C, C)."""

    labels: Sequence[str]
    counts: "NDArray[np.int64]"
    title: str = ""


@dataclass(frozen=True)
class ClassWeightsFigure:
    """The mean weight that LCL gave each class (columns) for texts of each true class (rows): (C, C).

    The row of a class without texts is NaN.
    """

    labels: Sequence[str]
    weights: "NDArray[np.float64]"
    title: str = ""


@dataclass(frozen=True)
class SliceFigure:
    """The trials by one hyperparameter and their score.

    `systems` has the name of each trial's system, `all_systems` those of the whole sweep, which fix their colors.
    """

    metric: str
    axis: ParallelAxis
    scores: Sequence[float]
    systems: Sequence[str]
    trials: Sequence[int]
    all_systems: Sequence[str]


@dataclass(frozen=True)
class PairFigure:
    """The trials by any two hyperparameters, which the reader chooses.

    With `is_rank`, the color of a trial is its rank, from 1 for the best; otherwise areas between the trials have the
    color of the scores around them.
    """

    metric: str
    axes: Sequence[ParallelAxis]
    scores: Sequence[float]
    trials: Sequence[int]
    is_rank: bool = False
    higher_is_better: bool = True


@dataclass(frozen=True)
class CalibrationBin:
    """The texts whose most probable class has a probability in a range: their number, mean probability and accuracy."""

    texts: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class CalibrationFigure:
    """The share of right predictions by how sure a model is. `title` names the system and the split."""

    title: str
    bins: Sequence[CalibrationBin]


Figure = (
    SliceFigure
    | PairFigure
    | CalibrationFigure
    | OptimismFigure
    | ParallelFigure
    | ImportanceFigure
    | AlphaTauFigure
    | LearningCurvesFigure
    | TimelineFigure
    | ExpectedBestFigure
    | ConfusionFigure
    | ClassWeightsFigure
)
