"""Means of settings, shrunk towards the mean of their system: pure functions.

The model has random effects. The score of seed j of setting i is y_ij = mu + s_i + e_ij, with the variance tau^2
between settings and sigma^2 between seeds. The best linear unbiased predictor of a setting's true mean mu + s_i is

    mu + B_i (mean_i - mu),  B_i = tau^2 / (tau^2 + sigma^2 / n_i)

for n_i seeds (Robinson, "That BLUP is a good thing", 1991; as empirical Bayes: Efron & Morris 1975). So a setting that
was lucky once is moved more than one that was good with every seed.

sigma^2 is pooled over the settings with several seeds: the sum of squares within settings by its degrees of freedom. mu
and tau^2 come from the spread of the means: mu is their mean with the weights w_i = 1 / (tau^2 + sigma^2 / n_i), and
tau^2 solves sum_i w_i (mean_i - mu)^2 = K - 1 for K settings, or is 0 (Paule & Mandel 1982; DerSimonian & Kacker 2007).
"""

from collections.abc import Sequence

_ROUNDING = 1e-24  # squares of this share of the scores' squares are rounding errors


def shrink_means(scores: Sequence[Sequence[float]]) -> list[float]:
    """Return the shrunk mean of each setting of a system, given the finite scores of its seeds (at least one each).

    While no setting has two seeds, nothing is known of the noise, and the means are returned as they are; also where
    the seeds of each setting score alike.
    """
    import numpy as np  # slow to import, and few commands come here
    from scipy.optimize import brentq

    counts = np.array([len(seeds) for seeds in scores], dtype=np.float64)  # (K,)
    means = np.array([np.mean(seeds) for seeds in scores], dtype=np.float64)  # (K,)
    squares = sum(float(np.sum((np.array(seeds) - mean) ** 2)) for seeds, mean in zip(scores, means, strict=True))
    freedom = float(np.sum(counts - 1))
    if len(means) < 2 or not freedom or squares <= _ROUNDING * float(np.sum(counts * means**2)):
        return [float(mean) for mean in means]
    noise = squares / freedom / counts  # (K,) variance of each mean

    def center_and_excess(spread: float) -> tuple[float, float]:
        weights = 1 / (spread + noise)
        center = float(np.sum(weights * means) / np.sum(weights))
        return center, float(np.sum(weights * (means - center) ** 2)) - (len(means) - 1)

    spread = 0.0
    if center_and_excess(0.0)[1] > 0:
        most = float(np.sum((means - np.mean(means)) ** 2))  # the excess is at most 1 - (K - 1) here, but for rounding
        is_between = center_and_excess(most)[1] < 0
        spread = float(brentq(lambda value: center_and_excess(value)[1], 0.0, most)) if is_between else most
    center = center_and_excess(spread)[0]
    return [float(center + value) for value in spread / (spread + noise) * (means - center)]
