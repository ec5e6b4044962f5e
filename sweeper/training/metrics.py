"""The metrics of predictions that the papers report: accuracy, macro-F1 and weighted-F1; and the confusion matrix.

To add a metric: write its function here, add an entry to METRICS in registry.py, and test both. Each function takes a
confusion matrix (C, C) and returns a number in [0, 1].
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.training.registry import METRICS, load_function

ConfusionMatrix = NDArray[np.int64]  # (C, C): texts of each true class (row) predicted as each class (column)


def confusion_matrix(labels: NDArray[Any], predictions: NDArray[Any], num_classes: int) -> ConfusionMatrix:
    """Count how often each true class (row) was predicted as each class (column): (C, C)."""
    pairs = np.bincount(labels * num_classes + predictions, minlength=num_classes * num_classes)
    return pairs.reshape(num_classes, num_classes)


def classification_metrics(confusion: ConfusionMatrix) -> dict[str, float]:
    """Return every metric of the registry that is a function of the confusion matrix, by name."""
    return {name: load_function(metric.function)(confusion) for name, metric in METRICS.items() if metric.function}


def accuracy(confusion: ConfusionMatrix) -> float:
    """Return the share of texts whose true class is predicted."""
    return float(np.diag(confusion).sum() / _num_texts(confusion))


def macro_f1(confusion: ConfusionMatrix) -> float:
    """Return the mean F1 of the classes; one that is neither present nor predicted has 0, as in scikit-learn."""
    return float(_f1_by_class(confusion).mean())


def weighted_f1(confusion: ConfusionMatrix) -> float:
    """Return the mean F1 of the classes, each weighted by its number of texts."""
    return float((_f1_by_class(confusion) * confusion.sum(axis=1)).sum() / _num_texts(confusion))


def largest_class(confusion: ConfusionMatrix) -> float:
    """Return the share of the predictions that name the class predicted most often."""
    return float(confusion.sum(axis=0).max() / _num_texts(confusion))


def majority(confusion: ConfusionMatrix) -> float:
    """Return the share of the most frequent true class."""
    return float(confusion.sum(axis=1).max() / _num_texts(confusion))


def _f1_by_class(confusion: ConfusionMatrix) -> NDArray[np.float64]:
    f1: NDArray[np.float64] = 2 * np.diag(confusion) / np.maximum(confusion.sum(axis=1) + confusion.sum(axis=0), 1)
    return f1  # (C,)


def _num_texts(confusion: ConfusionMatrix) -> int:
    """Return the number of texts, at least 1 because it is a divisor."""
    return max(int(confusion.sum()), 1)
