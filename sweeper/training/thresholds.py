"""The thresholds from which a label is predicted: one for each label, chosen on validation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

PLAIN = 0.5  # the threshold of a label that nothing was tuned for


def tune_thresholds(labels: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Return the threshold of each label with the largest F1 (C,), for label sets and probabilities (N, C).

    The F1 of a label depends on its own threshold only, so these have the largest macro F1 too (Lipton et al. 2014,
    "Optimal Thresholding of Classifiers to Maximize F1 Measure", section 3). Each lies in the middle between two
    neighbouring probabilities; of equally good ones the nearest to .5 is taken. A label that no text has keeps .5.
    """
    columns = zip(labels.T, probabilities.astype(np.float64).T, strict=True)
    return np.array([_best_threshold(has_label, values) for has_label, values in columns])


def predict_label_sets(probabilities: NDArray[Any], thresholds: NDArray[Any] | float) -> NDArray[np.int64]:
    """Return the label sets (N, C) of the labels whose probability is at least their threshold."""
    predicted: NDArray[np.int64] = (probabilities.astype(np.float64) >= thresholds).astype(np.int64)
    return predicted


def _best_threshold(has_label: NDArray[Any], probabilities: NDArray[np.float64]) -> float:
    """Return the threshold of one label with the largest F1, for its texts (N,) and probabilities (N,)."""
    total = int(has_label.sum())
    if not total:
        return PLAIN
    order = np.argsort(-probabilities, kind="stable")
    sorted_probabilities = probabilities[order]
    true_positives = np.cumsum(has_label[order])  # (N,) right ones among the k + 1 most probable texts
    f1 = 2 * true_positives / (np.arange(1, len(order) + 1) + total)
    below = np.append(sorted_probabilities[1:], 0.0)
    is_boundary = sorted_probabilities > below  # equal probabilities are predicted together
    is_boundary[-1] = True
    middles = (sorted_probabilities + below) / 2
    best = np.flatnonzero(is_boundary & (f1 == f1[is_boundary].max()))
    return float(middles[best[np.abs(middles[best] - PLAIN).argmin()]])
