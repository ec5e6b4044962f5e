"""Shrunk means without any code of sweeper: the equation of Paule and Mandel is solved by halving intervals."""

from collections.abc import Sequence
from statistics import fmean


def expected_shrunk_means(scores: Sequence[Sequence[float]]) -> list[float]:
    """Return the shrunk mean of each setting, given the scores of its seeds."""
    means = [fmean(seeds) for seeds in scores]
    freedom = sum(len(seeds) - 1 for seeds in scores)
    squares = sum((score - mean) ** 2 for seeds, mean in zip(scores, means, strict=True) for score in seeds)
    if len(scores) < 2 or not freedom or not squares:
        return means
    noise = [squares / freedom / len(seeds) for seeds in scores]
    low, high = 0.0, sum((mean - fmean(means)) ** 2 for mean in means)
    for _ in range(200):
        middle = (low + high) / 2
        center = _center(means, noise, middle)
        excess = sum((mean - center) ** 2 / (middle + one) for mean, one in zip(means, noise, strict=True))
        low, high = (middle, high) if excess > len(means) - 1 else (low, middle)
    center = _center(means, noise, low)
    return [center + low / (low + one) * (mean - center) for mean, one in zip(means, noise, strict=True)]


def _center(means: Sequence[float], noise: Sequence[float], spread: float) -> float:
    weights = [1 / (spread + one) for one in noise]
    return sum(weight * mean for weight, mean in zip(weights, means, strict=True)) / sum(weights)
