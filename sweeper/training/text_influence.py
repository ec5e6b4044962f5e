"""The metrics of probabilities without each of the texts in turn, for the jackknife of protocol/text_scores.py.

Each function takes true classes (N,) and probabilities (N, C) and returns (N,). Computing a metric N times would take
minutes, and these take milliseconds.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sweeper.training.probability_metrics import NUM_BINS, calibration_gaps, normalize

Values = NDArray[np.float64]


def log_loss_without_each(labels: NDArray[Any], probabilities: NDArray[Any]) -> Values:
    """Return the mean cross entropy of all other texts."""
    values = normalize(probabilities)
    of_true = np.maximum(values[np.arange(len(labels)), labels], np.finfo(values.dtype).eps)
    return _mean_without_each(-np.log(of_true))


def brier_without_each(labels: NDArray[Any], probabilities: NDArray[Any]) -> Values:
    """Return the Brier score of all other texts."""
    distances = normalize(probabilities)
    distances[np.arange(len(labels)), labels] -= 1
    halves = 2 if probabilities.shape[1] == 2 else 1
    return _mean_without_each(np.square(distances).sum(axis=1) / halves)


def calibration_error_without_each(labels: NDArray[Any], probabilities: NDArray[Any]) -> Values:
    """Return the expected calibration error of all other texts: a text changes the sum of its own bin alone."""
    bins, gaps = calibration_gaps(labels, probabilities)
    sums = np.bincount(bins, gaps, NUM_BINS)  # (NUM_BINS,)
    bin_sums = sums[bins]  # (N,)
    without: Values = (np.abs(sums).sum() - np.abs(bin_sums) + np.abs(bin_sums - gaps)) / max(len(labels) - 1, 1)
    return without


def auroc_without_each(labels: NDArray[Any], probabilities: NDArray[Any]) -> Values:
    """Return the AUROC of all other texts, from the placement of each text (DeLong et al. 1988).

    A text that is the only one of its class leaves the area of that class as it is.
    """
    classes = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    normalized = normalize(probabilities)
    areas: Values = np.mean([_area_without_each(labels == k, normalized[:, k]) for k in classes], axis=0)
    return areas


def _area_without_each(is_positive: NDArray[np.bool_], scores: NDArray[Any]) -> Values:
    """Return the area under the curve of one class against the rest without each text (N,)."""
    ranks, positives = stats.rankdata(scores), int(is_positive.sum())
    negatives = len(scores) - positives
    if not positives or not negatives:
        return np.full(len(scores), np.nan)
    below = (ranks[is_positive] - stats.rankdata(scores[is_positive])) / negatives  # negatives below each positive
    above = 1 - (ranks[~is_positive] - stats.rankdata(scores[~is_positive])) / positives
    area = float(below.mean())
    without = np.full(len(scores), area)
    if positives > 1:
        without[is_positive] = (positives * area - below) / (positives - 1)
    if negatives > 1:
        without[~is_positive] = (negatives * area - above) / (negatives - 1)
    return without


def _mean_without_each(values: Values) -> Values:
    """Return the mean of all other values (N,); of a single value, itself."""
    without: Values = (values.sum() - values) / (len(values) - 1) if len(values) > 1 else values
    return without
