"""The share of the variance of scores that each hyperparameter explains: Sobol indices of a Gaussian process.

The indices are those of an analysis of variance of functions (Sobol, "Global sensitivity indices for nonlinear
mathematical models and their Monte Carlo estimates", 2001; estimator of Saltelli et al., 2010), computed by
`scipy.stats.sobol_indices`. With a share for each hyperparameter alone, one for all interactions, and one for what the
process takes for noise, they add up to the variance of the recorded scores.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits

from benchmarks.economy.surrogate import fit_process
from benchmarks.sensitivity.searched_space import SearchedSpace, Vectors, find_space
from benchmarks.sensitivity.trainings import Trainings

INTERACTIONS, UNEXPLAINED = "interactions", "unexplained"
MIN_SETTINGS = 16  # with fewer, a process of six inputs follows the noise
LEVEL = 95  # percent
_POINTS = 256  # a power of 2: points of each sample for the indices
_FOLDS = 8
_NO_SPREAD = 1e-12  # variance of scores that are all the same but for rounding


@dataclass(frozen=True)
class Share:
    """A share of the variance with its interval over settings, and the `chance` level: None where there is none."""

    name: str
    value: float
    low: float
    high: float
    chance: float | None = None

    @property
    def is_finding(self) -> bool:
        """True if the share is larger than that of every permutation."""
        return self.chance is not None and self.value > self.chance


@dataclass(frozen=True)
class Analysis:
    """The analysis of one loss on one data set.

    `shares` has the hyperparameters, interactions and what is unexplained. `noise` is the share of the seeds, or None
    where no setting has two. `fit` is the share of the variance of held-out settings that the process predicts, and
    `model` the process that was fitted to all settings of the `space`.
    """

    trainings: Trainings
    space: SearchedSpace
    model: GaussianProcessRegressor
    shares: Sequence[Share]
    noise: Share | None
    fit: float

    def share(self, name: str) -> Share:
        """Return the share of a hyperparameter, INTERACTIONS or UNEXPLAINED."""
        return next(share for share in self.shares if share.name == name)


def analyze(trainings: Trainings, *, resamples: int = 200, permutations: int = 99, seed: int = 0) -> Analysis:
    """Return the shares of the variance, their intervals over settings and their chance levels.

    An interval is the range of the shares of resamples of the settings, drawn with replacement; the process is fitted
    again to the distinct settings of each. `chance_levels` says what chance is.
    """
    with threadpool_limits(1):  # the matrices are small: several threads would mostly wait for one another
        return _analyze(trainings, resamples, permutations, np.random.default_rng(seed))


def _analyze(trainings: Trainings, resamples: int, permutations: int, random: np.random.Generator) -> Analysis:
    space, count = find_space(trainings.settings), len(trainings.scores)
    points, scores = space.to_unit(trainings.settings), trainings.scores
    total = trainings.total_variance()
    model = fit_process(space.features(points), scores[:, None])
    values = variance_shares(model, space, total)
    chance = chance_levels(space, points, scores, total, permutations, random)
    draws = [np.unique(random.integers(count, size=count)) for _ in range(resamples)]
    low, high = _bounds([_resampled(trainings, space, points, draw) for draw in draws])
    names = [*space.names, INTERACTIONS, UNEXPLAINED]
    shares = [
        Share(name, float(value), float(least), float(most), level)
        for name, value, least, most, level in zip(names, values, low, high, [*chance, None], strict=True)
    ]
    return Analysis(
        trainings, space, model, shares, _noise_share(trainings, draws), held_out_fit(space, points, scores)
    )


def chance_levels(
    space: SearchedSpace, points: Vectors, scores: Vectors, total: float, permutations: int, random: np.random.Generator
) -> list[float]:
    """Return the largest share that each hyperparameter, and all interactions, get by chance.

    For a hyperparameter, its own values are shuffled among the settings, so that the others keep their influence. For
    interactions, the scores are. Without influence, a share exceeds the largest of N permutations with a probability
    of 1 in N + 1.
    """

    def share_of(place: int, shuffled: Vectors, shuffled_scores: Vectors) -> float:
        model = fit_process(space.features(shuffled), shuffled_scores[:, None])
        return float(variance_shares(model, space, total)[place])

    dimensions = len(space.axes)
    levels = [0.0] * (dimensions + 1)
    for _ in range(permutations):
        for place in range(dimensions):
            shuffled = points.copy()
            shuffled[:, place] = random.permutation(points[:, place])
            levels[place] = max(levels[place], share_of(place, shuffled, scores))
        levels[-1] = max(levels[-1], share_of(dimensions, points, random.permutation(scores)))
    return levels


def variance_shares(model: GaussianProcessRegressor, space: SearchedSpace, total: float) -> Vectors:
    """Return shares of `total`, the variance of the scores: hyperparameters, interactions and the rest, (D + 2,)."""

    def predict(columns: Vectors) -> Vectors:  # (D, n) -> (1, n)
        return np.asarray(model.predict(space.features(columns.T)), dtype=np.float64).reshape(1, -1)

    dimensions = len(space.axes)
    spread = float(np.var(predict(stats.qmc.Sobol(dimensions, rng=0).random(4 * _POINTS).T)))
    if spread <= _NO_SPREAD:
        return np.array([0.0] * (dimensions + 1) + [1.0])
    cube = [stats.uniform()] * dimensions
    indices = stats.sobol_indices(func=predict, n=_POINTS, dists=cube, rng=np.random.default_rng(0))
    explained = min(1.0, spread / total)
    alone = np.clip(indices.first_order.reshape(-1), 0.0, None)
    alone /= max(1.0, alone.sum())
    together = max(0.0, 1 - alone.sum())
    return np.array([*(explained * alone), explained * together, 1 - explained])


def held_out_fit(space: SearchedSpace, points: Vectors, scores: Vectors) -> float:
    """Return 1 - (mean squared error) / (variance) on held-out settings: 1 is perfect, the mean alone gets 0."""
    predicted, inputs = np.empty_like(scores), space.features(points)
    for train, test in KFold(_FOLDS, shuffle=True, random_state=0).split(inputs):
        predicted[test] = fit_process(inputs[train], scores[train][:, None]).predict(inputs[test]).reshape(-1)
    variance = float(np.var(scores))
    return 1 - float(np.mean((predicted - scores) ** 2)) / variance if variance else float("nan")


def _resampled(trainings: Trainings, space: SearchedSpace, points: Vectors, draw: NDArray[np.int64]) -> Vectors:
    model = fit_process(space.features(points[draw]), trainings.scores[draw][:, None])
    return variance_shares(model, space, trainings.total_variance(draw))


def _noise_share(trainings: Trainings, draws: Sequence[NDArray[np.int64]]) -> Share | None:
    """Return the share of the variance between seeds."""
    if not trainings.has_noise:
        return None
    value = trainings.noise() / trainings.total_variance()
    resampled = [trainings.noise(draw) / trainings.total_variance(draw) for draw in draws]
    low, high = np.nanpercentile(resampled, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return Share("seed", value, float(low), float(high))


def _bounds(samples: Sequence[Vectors]) -> Iterator[Vectors]:
    """Yield the lower and the upper bounds of the middle 95 % of the samples."""
    yield from np.percentile(samples, [(100 - LEVEL) / 2, (100 + LEVEL) / 2], axis=0)
