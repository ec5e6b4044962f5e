"""Intervals and tests for test scores over a few seeds, with both of their sources of chance: seeds and texts.

A system was trained with S seeds, and each of its models was scored on the same N test texts. The score of model s is
the mean of x_sn over the texts: 1 or 0 for accuracy, where the model is right or wrong about text n, and the text's
influence for other metrics (text_scores.py). With seeds and texts as crossed random effects,
x_sn = mean + seed_s + text_n + residual_sn, and

    Var(mean of x) = Var(seed) / S + Var(text) / N + Var(residual) / (S N).

Dividing the variance of the seed means by S estimates the first and the last term, dividing that of the text means by N
the last two. So their sum holds the residual twice, and it is subtracted once. The result is at least as large as
either of the two: a negative estimate of Var(seed) or Var(text) counts as 0. Between two systems the texts are the
same, and therefore paired; the seeds are not.

A column of K systems makes one claim: that the system with the highest mean is the best. It is false if some other
system is at least as good. Among equally precise means, its largest chance of being false is where two systems are
equally good and all others are far behind. Either of the two may then be selected, so its lead has either sign, and the
two-sided p of one pair holds its level without a correction for the K (K - 1) / 2 pairs. With unequal numbers of seeds
a system that is as good as the best can come out third. So the claim needs a significant lead over each other system.

Sources: Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks", 2021, for the two sources of
chance; Satterthwaite, "An approximate distribution of estimates of variance components", 1946, for the degrees of
freedom; Gutmann & Maymin, "Is the Selected Population the Best?", 1987, for the claim of equally precise means; Berger,
"Multiparameter Hypothesis Testing and Acceptance Sampling", 1982, for a claim that holds if each of several tests does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

TextScores = NDArray[np.float64] | NDArray[np.bool_]  # (S, N): the mean over n is the score of the model of seed s
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


def mean_score(scores: TextScores) -> Estimate:
    """Return a system's mean score over its seeds. `scores` has shape (S, N), with at least two seeds and two texts."""
    return _estimate(np.array([scores.mean()]), _seed_variances([scores]), scores.mean(axis=0)[None])[0]


def pairwise_differences(systems: Sequence[TextScores]) -> dict[tuple[int, int], Estimate]:
    """Return the mean score of each system minus that of each later one, for all pairs, on the same N texts.

    Raises ValueError if the numbers of texts differ.
    """
    texts = [scores.shape[1] for scores in systems]
    if len(set(texts)) > 1:
        other = next(count for count in texts if count != texts[0])
        raise ValueError(f"both must have been scored on the same texts, got {texts[0]} and {other}")
    differences: dict[tuple[int, int], Estimate] = {}
    means = np.stack([scores.mean(axis=0) for scores in systems]) if systems else np.empty((0, 0))  # (K, N)
    variances = _seed_variances(systems)
    for k in range(len(systems) - 1):
        between = means[k] - means[k + 1 :]  # (K - k - 1, N)
        estimates = _estimate(between.mean(axis=1), variances[k] + variances[k + 1 :], between)
        differences |= {(k, k + 1 + j): estimate for j, estimate in enumerate(estimates)}
    return differences


def selected_best_p(leads: Iterable[Estimate]) -> float:
    """Return p for the claim that the system with the highest mean is the best: the largest p of its leads.

    `leads` are over each other system, in either direction. Without any, the claim has no support, and p is 1.
    """
    return max((lead.p for lead in leads), default=1.0)


def holm_correction(ps: Sequence[float]) -> list[float]:
    """Return the p values of several tests made at once, corrected for their number (Holm 1979)."""
    order = sorted(range(len(ps)), key=lambda k: ps[k])
    corrected, largest = [1.0] * len(ps), 0.0
    for rank, k in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[k]))
        corrected[k] = largest
    return corrected


def _seed_variances(systems: Sequence[TextScores]) -> NDArray[np.float64]:
    """Return (K, 3), for each system: the variance of its mean over seeds, how much of that is residual, and a spread.

    The spread is the sum of square / degrees of freedom over both, as Satterthwaite's formula needs it.
    """
    rows = []
    for scores in systems:
        seeds, texts = scores.shape
        seed_means, text_means, mean = scores.mean(axis=1), scores.mean(axis=0), scores.mean()
        over_seeds = seed_means.var(ddof=1) / seeds
        squares = (  # of the residual: those of all x, minus those of seeds and of texts
            np.square(scores - mean).sum()
            - texts * np.square(seed_means - mean).sum()
            - seeds * np.square(text_means - mean).sum()
        )
        degrees = (seeds - 1) * (texts - 1)
        residual = max(0.0, squares) / degrees / (seeds * texts)
        rows.append((over_seeds, residual, over_seeds**2 / (seeds - 1) + residual**2 / degrees))
    return np.array(rows).reshape(-1, 3)


def _estimate(means: NDArray[np.float64], seeds: NDArray[np.float64], per_text: NDArray[np.float64]) -> list[Estimate]:
    """Return estimates of means (K,), from their seeds' variances (K, 3) and their values for each text (K, N)."""
    over_seeds, residual, spread = seeds.T
    texts = per_text.shape[1]
    over_texts = per_text.var(axis=1, ddof=1) / texts
    variance = np.maximum(over_seeds + over_texts - residual, np.maximum(over_seeds, over_texts))
    is_certain = variance == 0
    freedom = np.where(is_certain, np.inf, variance**2 / np.where(is_certain, 1, spread + over_texts**2 / (texts - 1)))
    error = np.sqrt(variance)
    reach = error * np.where(is_certain, 0, special.stdtrit(freedom, (1 + _LEVEL) / 2))
    p = np.where(is_certain, means == 0, 2 * special.stdtr(freedom, -np.abs(means) / np.where(is_certain, 1, error)))
    columns = (means, error, freedom, means - reach, means + reach, p)
    return [Estimate(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
