"""Predictions to the figures that the papers report: accuracy, macro-F1, weighted-F1; and the confusions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

ConfusionMatrix = NDArray[np.int64]


def confusion_matrix(labels: NDArray[Any], predictions: NDArray[Any], classes: int) -> ConfusionMatrix:
    """How often each true class (rows) was taken for each class (columns): (C, C)."""
    return np.bincount(labels * classes + predictions, minlength=classes * classes).reshape(classes, classes)


def classification_metrics(counts: ConfusionMatrix) -> dict[str, float]:
    """accuracy, macro_f1, weighted_f1, largest_class and majority of a confusion matrix (C, C), all in [0, 1].

    `largest_class` is the share of the texts that are given the class given most often, `majority` that of the most
    frequent true class. A class that is neither there nor predicted has an F1 of 0 in the macro mean, as in
    scikit-learn.
    """
    hits, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    f1 = 2 * hits / np.maximum(true + predicted, 1)  # (C,)
    size = max(int(counts.sum()), 1)
    return {
        "accuracy": float(hits.sum() / size),
        "macro_f1": float(f1.mean()),
        "weighted_f1": float((f1 * true).sum() / size),
        "largest_class": float(predicted.max() / size),
        "majority": float(true.max() / size),
    }
