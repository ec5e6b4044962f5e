"""The metrics of predictions that the papers report: accuracy, macro-F1 and weighted-F1; and the confusion matrix.

To add a metric: write its function here, add an entry to METRICS in registry.py, and test both. Each function takes a
confusion matrix (C, C) and returns a number in [0, 1] that does not depend on the order of the classes. The figures are
those of scikit-learn's accuracy_score and f1_score.
"""

import math
from collections.abc import Sequence
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
    """Return the mean F1 of the classes that are true or predicted for some text. Other classes do not count."""
    occurs = confusion.any(axis=0) | confusion.any(axis=1)  # (C,)
    return float(_f1_by_class(confusion)[occurs].sum() / max(int(occurs.sum()), 1))


def weighted_f1(confusion: ConfusionMatrix) -> float:
    """Return the mean F1 of the classes, each weighted by its number of texts."""
    return float((_f1_by_class(confusion) * confusion.sum(axis=1)).sum() / _num_texts(confusion))


def largest_class(confusion: ConfusionMatrix) -> float:
    """Return the share of the predictions that name the class predicted most often."""
    return float(confusion.sum(axis=0).max() / _num_texts(confusion))


def majority(confusion: ConfusionMatrix) -> float:
    """Return the share of the most frequent true class."""
    return float(confusion.sum(axis=1).max() / _num_texts(confusion))


def best_constant(name: str, class_counts: Sequence[int]) -> float:
    """Return the value of a metric for the best prediction that is the same for every text.

    `name` is an entry of METRICS with a better direction. `class_counts` (C,) are the texts of each true class.
    Raises ValueError if there are no texts.
    """
    if not sum(class_counts):
        raise ValueError("there are no texts")
    metric = METRICS[name]
    if metric.function is None:
        assert metric.best_constant is not None
        return float(load_function(metric.best_constant)(class_counts))
    values = [load_function(metric.function)(_constant_confusion(class_counts, k)) for k in _distinct(class_counts)]
    return float(max(values) if metric.better == "higher" else min(values))


def entropy(class_counts: Sequence[int]) -> float:
    """Return the entropy of the classes' shares, in nats: the loss of predicting these shares for every text."""
    total = sum(class_counts)
    return math.fsum(-count / total * math.log(count / total) for count in class_counts if count)


def _constant_confusion(class_counts: Sequence[int], predicted: int) -> ConfusionMatrix:
    """Return the confusion matrix (C, C) where all texts are predicted as one class."""
    confusion = np.zeros((len(class_counts), len(class_counts)), dtype=np.int64)
    confusion[:, predicted] = class_counts
    return confusion


def _distinct(class_counts: Sequence[int]) -> list[int]:
    """Return the first class of each count. Metrics do not tell classes of equal size apart."""
    return [class_counts.index(count) for count in set(class_counts)]


def _f1_by_class(confusion: ConfusionMatrix) -> NDArray[np.float64]:
    f1: NDArray[np.float64] = 2 * np.diag(confusion) / np.maximum(confusion.sum(axis=1) + confusion.sum(axis=0), 1)
    return f1  # (C,)


def _num_texts(confusion: ConfusionMatrix) -> int:
    """Return the number of texts, at least 1 because it is a divisor."""
    return max(int(confusion.sum()), 1)
