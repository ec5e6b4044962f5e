"""Intervals and tests for test accuracies of a few seeds each, which carry both of their sources of chance.

A system was trained with a few seeds, and each of its models was scored on the same test texts. Its mean accuracy would
be another with other seeds, and another with other texts. Between two systems the texts are the same, and so paired;
the seeds are not. The variances of the sources add, and Welch and Satterthwaite's formula gives the degrees of freedom
of their sum (Welch, "The generalization of Student's problem when several different population variances are
involved", 1947).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Correct = NDArray[np.bool_]  # (S, N): whether the model of seed s was right about text n
_LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error, the degrees of freedom of that, its 95 % interval, and p for a mean of zero."""

    mean: float
    error: float
    freedom: float
    low: float
    high: float
    p: float


def accuracy(hits: Correct) -> Estimate:
    """A system's accuracy, in [0, 1]; `hits` are (S, N), at least two seeds and two texts."""
    return _estimates(np.array([hits.mean()]), [_of_seeds(hits), _of_texts(hits.mean(axis=0)[None])])[0]


def difference(ours: Correct, theirs: Correct) -> Estimate:
    """How far one system's accuracy is above another's on the same N texts; `hits` are (S, N) and (T, N).

    Raises ValueError where the texts are not as many.
    """
    return pairwise_differences([ours, theirs])[0, 1]


def pairwise_differences(systems: Sequence[Correct]) -> dict[tuple[int, int], Estimate]:
    """How far the accuracy of each system is above that of each later one: all pairs of hits on the same N texts.

    Raises ValueError where the texts are not as many.
    """
    texts = [hits.shape[1] for hits in systems]
    if len(set(texts)) > 1:
        other = next(count for count in texts if count != texts[0])
        raise ValueError(f"both must have been scored on the same texts, got {texts[0]} and {other}")
    found: dict[tuple[int, int], Estimate] = {}
    means = np.stack([hits.mean(axis=0) for hits in systems]) if systems else np.empty((0, 0))  # (K, N)
    seeds = [_of_seeds(hits) for hits in systems]
    for k in range(len(systems) - 1):
        between = means[k] - means[k + 1 :]  # (K - k - 1, N)
        theirs = tuple(np.concatenate(part) for part in zip(*seeds[k + 1 :], strict=True))
        estimates = _estimates(between.mean(axis=1), [seeds[k], (theirs[0], theirs[1]), _of_texts(between)])
        found |= {(k, k + 1 + j): estimate for j, estimate in enumerate(estimates)}
    return found


def holm_correction(ps: Sequence[float]) -> list[float]:
    """The p values of several tests made at once, each as large as it has to be for that (Holm 1979)."""
    order = sorted(range(len(ps)), key=lambda k: ps[k])
    adjusted, largest = [1.0] * len(ps), 0.0
    for rank, k in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[k]))
        adjusted[k] = largest
    return adjusted


_Source = tuple[NDArray[np.float64], NDArray[np.float64]]  # (K,) or (1,): variances of means, their degrees of freedom


def _of_seeds(hits: Correct) -> _Source:
    """The variance of a mean over seeds."""
    means = hits.mean(axis=1)
    return np.array([means.var(ddof=1) / len(means)]), np.array([len(means) - 1.0])


def _of_texts(each: NDArray[np.float64]) -> _Source:
    """The variances of means over texts; `each` is (K, N)."""
    count = each.shape[1]
    return each.var(axis=1, ddof=1) / count, np.full(len(each), count - 1.0)


def _estimates(means: NDArray[np.float64], sources: Sequence[_Source]) -> list[Estimate]:
    """Means (K,) whose variances have several independent sources."""
    variance = sum((part for part, _ in sources), np.zeros_like(means))
    spread = sum((part**2 / degrees for part, degrees in sources), np.zeros_like(means))
    certain = variance == 0
    freedom = np.where(certain, np.inf, variance**2 / np.where(certain, 1, spread))
    error = np.sqrt(variance)
    reach = error * np.where(certain, 0, stats.t.ppf((1 + _LEVEL) / 2, freedom))
    p = np.where(certain, means == 0, 2 * stats.t.sf(np.abs(means) / np.where(certain, 1, error), freedom))
    columns = (means, error, freedom, means - reach, means + reach, p)
    return [Estimate(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
