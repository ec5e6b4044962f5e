"""Intervals and tests for test accuracies of a few seeds each, which carry both of their sources of chance.

A system was trained with a few seeds, and each of its models was scored on the same test texts. Its mean accuracy would
be another with other seeds, and another with other texts. Between two systems the texts are the same, and so paired;
the seeds are not. The variances of the sources add, and Welch and Satterthwaite's formula gives the degrees of freedom
of their sum (Welch, "The generalization of Student's problem when several different population variances are
involved", 1947).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Hits = NDArray[np.bool_]  # (S, N): whether the model of seed s was right about text n
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


def accuracy(hits: Hits) -> Estimate:
    """A system's accuracy, in [0, 1]; `hits` are (S, N), at least two seeds and two texts."""
    return _estimate(float(hits.mean()), [_of_seeds(hits), _of_texts(hits.mean(axis=0))])


def lead(ours: Hits, theirs: Hits) -> Estimate:
    """How far one system's accuracy is above another's on the same N texts; `hits` are (S, N) and (T, N).

    Raises ValueError where the texts are not as many.
    """
    if ours.shape[1] != theirs.shape[1]:
        raise ValueError(f"both must have been scored on the same texts, got {ours.shape[1]} and {theirs.shape[1]}")
    between = ours.mean(axis=0) - theirs.mean(axis=0)  # (N,)
    return _estimate(float(between.mean()), [_of_seeds(ours), _of_seeds(theirs), _of_texts(between)])


def holm(ps: Sequence[float]) -> list[float]:
    """The p values of several tests made at once, each as large as it has to be for that (Holm 1979)."""
    order = sorted(range(len(ps)), key=lambda k: ps[k])
    adjusted, largest = [1.0] * len(ps), 0.0
    for rank, k in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[k]))
        adjusted[k] = largest
    return adjusted


def _of_seeds(hits: Hits) -> tuple[float, int]:
    """The variance of a mean over seeds, and its degrees of freedom."""
    means = hits.mean(axis=1)
    return float(means.var(ddof=1)) / len(means), len(means) - 1


def _of_texts(each: NDArray[np.float64]) -> tuple[float, int]:
    """The variance of a mean over texts (N,), and its degrees of freedom."""
    return float(each.var(ddof=1)) / len(each), len(each) - 1


def _estimate(mean: float, sources: Sequence[tuple[float, int]]) -> Estimate:
    """A mean whose variance has several independent sources."""
    variance = sum(part for part, _ in sources)
    if variance == 0:
        return Estimate(mean, 0.0, math.inf, mean, mean, float(mean == 0))
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in sources)
    error = math.sqrt(variance)
    reach = error * float(stats.t.ppf((1 + _LEVEL) / 2, freedom))
    p = 2 * float(stats.t.sf(abs(mean) / error, freedom))
    return Estimate(mean, error, freedom, mean - reach, mean + reach, p)
