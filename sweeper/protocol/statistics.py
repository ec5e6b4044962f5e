"""Intervals and tests for test accuracies over a few seeds, with both of their sources of chance: seeds and texts.

A system was trained with a few seeds, and each of its models was scored on the same test texts. Its mean accuracy would
differ with other seeds, and with other texts. Between two systems the texts are the same, and therefore paired; the
seeds are not. The variances of the sources add up, and the degrees of freedom of their sum are given by Welch and
Satterthwaite's formula (Welch, "The generalization of Student's problem when several different population variances
are involved", 1947).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Correct = NDArray[np.bool_]  # (S, N): True where the model of seed s was right about text n
_LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean with its standard error and degrees of freedom, its 95 % interval, and p for a mean of zero."""

    mean: float
    error: float
    freedom: float
    low: float
    high: float
    p: float


def accuracy(correct: Correct) -> Estimate:
    """Return a system's accuracy in [0, 1]. `correct` has shape (S, N), with at least two seeds and two texts."""
    means = np.array([correct.mean()])
    return _estimate(means, [_variance_over_seeds(correct), _variance_over_texts(correct.mean(axis=0)[None])])[0]


def pairwise_differences(systems: Sequence[Correct]) -> dict[tuple[int, int], Estimate]:
    """Return the accuracy of each system minus that of each later one, for all pairs, on the same N texts.

    Raises ValueError if the numbers of texts differ.
    """
    texts = [correct.shape[1] for correct in systems]
    if len(set(texts)) > 1:
        other = next(count for count in texts if count != texts[0])
        raise ValueError(f"both must have been scored on the same texts, got {texts[0]} and {other}")
    differences: dict[tuple[int, int], Estimate] = {}
    means = np.stack([correct.mean(axis=0) for correct in systems]) if systems else np.empty((0, 0))  # (K, N)
    seed_variances = [_variance_over_seeds(correct) for correct in systems]
    for k in range(len(systems) - 1):
        between = means[k] - means[k + 1 :]  # (K - k - 1, N)
        later = tuple(np.concatenate(values) for values in zip(*seed_variances[k + 1 :], strict=True))
        sources = [seed_variances[k], (later[0], later[1]), _variance_over_texts(between)]
        estimates = _estimate(between.mean(axis=1), sources)
        differences |= {(k, k + 1 + j): estimate for j, estimate in enumerate(estimates)}
    return differences


def holm_correction(ps: Sequence[float]) -> list[float]:
    """Return the p values of several tests made at once, corrected for their number (Holm 1979)."""
    order = sorted(range(len(ps)), key=lambda k: ps[k])
    corrected, largest = [1.0] * len(ps), 0.0
    for rank, k in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[k]))
        corrected[k] = largest
    return corrected


_Variance = tuple[NDArray[np.float64], NDArray[np.float64]]  # of means, and its degrees of freedom: (K,) or (1,) each


def _variance_over_seeds(correct: Correct) -> _Variance:
    means = correct.mean(axis=1)
    return np.array([means.var(ddof=1) / len(means)]), np.array([len(means) - 1.0])


def _variance_over_texts(per_text: NDArray[np.float64]) -> _Variance:
    """Return the variances of means over texts; `per_text` has shape (K, N)."""
    count = per_text.shape[1]
    return per_text.var(axis=1, ddof=1) / count, np.full(len(per_text), count - 1.0)


def _estimate(means: NDArray[np.float64], sources: Sequence[_Variance]) -> list[Estimate]:
    """Return estimates of means (K,) whose variances have several independent sources."""
    variance = sum((source for source, _ in sources), np.zeros_like(means))
    spread = sum((source**2 / degrees for source, degrees in sources), np.zeros_like(means))
    is_certain = variance == 0
    freedom = np.where(is_certain, np.inf, variance**2 / np.where(is_certain, 1, spread))
    error = np.sqrt(variance)
    reach = error * np.where(is_certain, 0, stats.t.ppf((1 + _LEVEL) / 2, freedom))
    p = np.where(is_certain, means == 0, 2 * stats.t.sf(np.abs(means) / np.where(is_certain, 1, error), freedom))
    columns = (means, error, freedom, means - reach, means + reach, p)
    return [Estimate(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
