"""The metrics of predicted classes, as functions of a confusion matrix (C, C); and the confusion matrix.

To add one: write its function here, add an entry to METRICS in metric_registry.py, and test both. Unless the entry says
that classes are ordered, it must not depend on their order. The figures are those of scikit-learn; they are computed
here because a test of significance needs thousands of them, and scikit-learn takes a second to import.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.training.metric import Metric
from sweeper.training.metric_registry import METRICS, find_metric
from sweeper.training.named_function import load_function
from sweeper.training.types import Predictions

ConfusionMatrix = NDArray[np.int64]  # (C, C): texts of each true class (row) predicted as each class (column)


def confusion_matrix(labels: NDArray[Any], predictions: NDArray[Any], num_classes: int) -> ConfusionMatrix:
    """Count how often each true class (row) was predicted as each class (column): (C, C)."""
    pairs = np.bincount(labels * num_classes + predictions, minlength=num_classes * num_classes)
    return pairs.reshape(num_classes, num_classes)


def classification_metrics(confusion: ConfusionMatrix) -> dict[str, float]:
    """Return the metrics of the confusion matrix that every validation reports, by name."""
    return {
        name: load_function(metric.function)(confusion)
        for name, metric in METRICS.items()
        if metric.function and metric.is_reported
    }


def reported_metrics(
    predictions: Predictions, class_names: Sequence[str], objective: str | None = None
) -> dict[str, float]:
    """Return the metrics that every validation reports, without the loss, and that of the objective, by name."""
    labels, probabilities = predictions.labels, predictions.probabilities
    metrics = classification_metrics(confusion_matrix(labels, predictions.predicted_classes, probabilities.shape[1]))
    if objective is not None and objective not in (*metrics, "loss"):
        metrics[objective] = compute_metric(objective, labels, probabilities, class_names)
    return metrics


def confusion_function(metric: Metric, class_names: Sequence[str]) -> Callable[[ConfusionMatrix], float]:
    """Return the function of a confusion matrix that a metric is. Raises ValueError if its class is not among these."""
    assert metric.function is not None, f"{metric.label} is no function of a confusion matrix"
    function = load_function(metric.function)
    return function if metric.class_name is None else partial(function, index=class_names.index(metric.class_name))


def compute_metric(
    name: str, labels: NDArray[Any], probabilities: NDArray[Any], class_names: Sequence[str] = ()
) -> float:
    """Return a metric of the registry from true classes (N,) and probabilities (N, C); NaN where it is undefined.

    A metric after temperature scaling is that of probabilities to which the temperature was applied before. One of a
    single class needs the `class_names`.
    """
    metric = find_metric(name)
    if metric.function is not None:
        confusion = confusion_matrix(labels, probabilities.argmax(axis=1), probabilities.shape[1])
        return float(confusion_function(metric, class_names)(confusion))
    assert metric.of_probabilities is not None
    return float(load_function(metric.of_probabilities)(labels, probabilities))


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


def class_f1(confusion: ConfusionMatrix, index: int) -> float:
    """Return the F1 of one class; 0 if it is neither true nor predicted for any text."""
    return float(_f1_by_class(confusion)[index])


def class_precision(confusion: ConfusionMatrix, index: int) -> float:
    """Return the share of the predictions of one class that are right; 0 if it is predicted for no text."""
    return float(confusion[index, index] / max(int(confusion[:, index].sum()), 1))


def class_recall(confusion: ConfusionMatrix, index: int) -> float:
    """Return the share of the texts of one class that are taken for it; 0 if it has none."""
    return float(confusion[index, index] / max(int(confusion[index].sum()), 1))


def balanced_accuracy(confusion: ConfusionMatrix) -> float:
    """Return the mean recall of the classes that are true for some text."""
    texts = confusion.sum(axis=1)  # (C,)
    return float((np.diag(confusion)[texts > 0] / texts[texts > 0]).mean()) if texts.any() else 0.0


def mcc(confusion: ConfusionMatrix) -> float:
    """Return Matthews' correlation coefficient for several classes (Gorodkin 2004); 0 where it is undefined."""
    total, right = float(confusion.sum()), float(np.diag(confusion).sum())
    true, predicted = confusion.sum(axis=1).astype(float), confusion.sum(axis=0).astype(float)  # (C,)
    spread = (total**2 - predicted @ predicted) * (total**2 - true @ true)
    return float((right * total - true @ predicted) / math.sqrt(spread)) if spread > 0 else 0.0


def quadratic_kappa(confusion: ConfusionMatrix) -> float:
    """Return Cohen's kappa with quadratic weights (Cohen 1968), of classes in order; NaN where it is undefined."""
    weights = np.square(_steps(confusion))
    by_chance = (weights * np.outer(confusion.sum(axis=1), confusion.sum(axis=0))).sum() / _num_texts(confusion)
    return float(1 - (weights * confusion).sum() / by_chance) if by_chance else math.nan


def mean_absolute_error(confusion: ConfusionMatrix) -> float:
    """Return the mean number of steps between true and predicted class, of classes in order."""
    return float((_steps(confusion) * confusion).sum() / _num_texts(confusion))


def largest_class(confusion: ConfusionMatrix) -> float:
    """Return the share of the predictions that name the class predicted most often."""
    return float(confusion.sum(axis=0).max() / _num_texts(confusion))


def majority(confusion: ConfusionMatrix) -> float:
    """Return the share of the most frequent true class."""
    return float(confusion.sum(axis=1).max() / _num_texts(confusion))


def best_constant(name: str, class_counts: Sequence[int], class_names: Sequence[str] = ()) -> float:
    """Return the value of a metric for the best prediction that is the same for every text.

    `name` is a metric with a better direction. `class_counts` (C,) are the texts of each true class; a metric of a
    single class also needs the `class_names`. Raises ValueError if there are no texts.
    """
    if not sum(class_counts):
        raise ValueError("there are no texts")
    metric = find_metric(name)
    if metric.function is None:
        assert metric.best_constant is not None
        return float(load_function(metric.best_constant)(class_counts))
    tells_classes_apart = metric.is_ordered or metric.class_name is not None
    candidates = range(len(class_counts)) if tells_classes_apart else _distinct(class_counts)
    function = confusion_function(metric, class_names)
    values = [function(_constant_confusion(class_counts, k)) for k in candidates]
    defined_values = [value for value in values if not math.isnan(value)]
    return float(max(defined_values) if metric.better == "higher" else min(defined_values))


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
    """Return the first class of each count. Metrics of unordered classes do not tell classes of equal size apart."""
    return [class_counts.index(count) for count in set(class_counts)]


def _f1_by_class(confusion: ConfusionMatrix) -> NDArray[np.float64]:
    f1: NDArray[np.float64] = 2 * np.diag(confusion) / np.maximum(confusion.sum(axis=1) + confusion.sum(axis=0), 1)
    return f1  # (C,)


def _steps(confusion: ConfusionMatrix) -> NDArray[np.int64]:
    """Return the number of steps between each two classes in order: (C, C)."""
    ranks = np.arange(len(confusion))
    steps: NDArray[np.int64] = np.abs(ranks[:, None] - ranks)
    return steps


def _num_texts(confusion: ConfusionMatrix) -> int:
    """Return the number of texts, at least 1 because it is a divisor."""
    return max(int(confusion.sum()), 1)
