"""The metrics of class probabilities, from scikit-learn; its import takes a second, so it waits for the first call.

Each function takes true classes (N,) and probabilities (N, C). The stored probabilities are float32: they are divided
by their sum in float64 first.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 10  # of calibration, of equal width
_TEMPERATURES = (0.05, 20.0)  # the range of a fitted temperature
_SMALLEST = 1e-30  # a probability that float32 rounded to 0


def log_loss(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Return the mean cross entropy in nats. A probability below the machine epsilon of float64 counts as 2.2e-16."""
    from sklearn.metrics import log_loss

    return float(log_loss(labels, normalize(probabilities), labels=range(probabilities.shape[1])))


def brier(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Return the Brier score (Brier 1950): from 0 to 2, for two classes half of it."""
    from sklearn.metrics import brier_score_loss

    return float(brier_score_loss(labels, normalize(probabilities), labels=range(probabilities.shape[1])))


def constant_brier(class_counts: Sequence[int]) -> float:
    """Return the Brier score of predicting the classes' shares for every text."""
    shares = np.array(class_counts) / sum(class_counts)
    return float(1 - np.square(shares).sum()) / (2 if len(class_counts) == 2 else 1)


def auroc(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Return the area under the ROC curve, one class versus the rest, as the mean of the classes.

    Of two classes, it is that of the second. NaN if a class has no text, or all texts.
    """
    from sklearn.metrics import roc_auc_score

    num_classes, normalized = probabilities.shape[1], normalize(probabilities)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a class without texts: the result says it
        if num_classes == 2:
            return float(roc_auc_score(labels, normalized[:, 1]))
        return float(roc_auc_score(labels, normalized, multi_class="ovr", labels=range(num_classes)))


def chance_auroc(class_counts: Sequence[int]) -> float:
    """Return the AUROC of probabilities that are the same for every text."""
    return 0.5


def calibration_error(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Return the expected calibration error over NUM_BINS bins of equal width (Guo et al. 2017, equation 3)."""
    bins, gaps = calibration_gaps(labels, probabilities)
    return float(np.abs(np.bincount(bins, gaps, NUM_BINS)).sum() / len(labels))


def calibration_gaps(
    labels: NDArray[Any], probabilities: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the bin of each text, and its confidence minus 1 if its predicted class is right, else minus 0: (N,)."""
    confidence, is_right = probabilities.max(axis=1).astype(float), probabilities.argmax(axis=1) == labels
    return calibration_bins(confidence), confidence - is_right


def calibration_bins(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each probability, from 0. A bin has its upper end, and not its lower one."""
    return np.clip(np.ceil(confidence * NUM_BINS).astype(np.int64) - 1, 0, NUM_BINS - 1)


def fit_temperature(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Return the temperature, from 0.05 to 20, by which divided logits have the smallest loss (Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar

    logits = _logits(probabilities)

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        totals = np.log(np.exp(scaled - scaled.max(axis=1, keepdims=True)).sum(axis=1)) + scaled.max(axis=1)
        return float((totals - scaled[np.arange(len(labels)), labels]).mean())

    minimum = minimize_scalar(loss, bounds=tuple(np.log(_TEMPERATURES)), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(minimum.x))


def apply_temperature(probabilities: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """Return the probabilities (N, C) after their logits are divided by a temperature."""
    scaled = _logits(probabilities) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return normalize(powers)


def _logits(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    logits: NDArray[np.float64] = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST))
    return logits


def normalize(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Return probabilities (N, C) in float64, divided by their sum for each text."""
    values = probabilities.astype(np.float64)
    normalized: NDArray[np.float64] = values / values.sum(axis=1, keepdims=True)
    return normalized
