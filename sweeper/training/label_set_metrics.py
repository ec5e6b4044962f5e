"""The metrics of label sets, for `task: multi_label`, from scikit-learn; its import takes a second, so it waits.

Each function takes the true and the predicted label sets (N, C), as 0/1 matrices; one of a single label also its index.
A label that no text has and that is never predicted has an F1 of 0, and counts in the mean of all labels: that is
scikit-learn's rule (`zero_division=0`).
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.training.metric_registry import METRICS, find_metric
from sweeper.training.named_function import load_function
from sweeper.training.thresholds import PLAIN, predict_label_sets
from sweeper.training.types import Predictions

_SMALLEST = 2.0**-126  # for a probability that is 0 in float32: its smallest normal number
_SMALLEST_COMPLEMENT = 2.0**-25  # for 1 minus one that is 1 in float32: half of what 1 - p is at least otherwise


def reported_metrics(
    predictions: Predictions, class_names: Sequence[str], objective: str | None = None
) -> dict[str, float]:
    """Return the metrics that every validation reports, and that of the objective, by name."""
    names = [name for name, metric in METRICS.items() if metric.of_label_sets and metric.is_reported]
    if objective and objective != "loss" and objective not in names:
        names.append(objective)
    return {
        name: label_set_metric(
            name, predictions.labels, predictions.predicted_classes, predictions.probabilities, class_names
        )
        for name in names
    }


def label_set_metric(
    name: str,
    labels: NDArray[Any],
    predicted: NDArray[Any],
    probabilities: NDArray[Any],
    class_names: Sequence[str] = (),
) -> float:
    """Return a metric of the registry from label sets, predicted label sets and probabilities, (N, C) each."""
    metric = find_metric(name)
    if metric.of_label_probabilities is not None:
        return float(load_function(metric.of_label_probabilities)(labels, probabilities))
    assert metric.of_label_sets is not None, f"{metric.label} is no metric of label sets"
    function = load_function(metric.of_label_sets)
    if metric.class_name is not None:
        function = partial(function, index=class_names.index(metric.class_name))
    if metric.is_plain:
        predicted = predict_label_sets(probabilities, PLAIN)
    return float(function(labels, predicted))


def macro_f1(labels: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the mean F1 of all labels."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predicted, average="macro", zero_division=0))


def micro_f1(labels: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the F1 of all decisions about a text and a label, taken together."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predicted, average="micro", zero_division=0))


def label_f1(labels: NDArray[Any], predicted: NDArray[Any], index: int) -> float:
    """Return the F1 of one label."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels[:, index], predicted[:, index], zero_division=0))


def label_precision(labels: NDArray[Any], predicted: NDArray[Any], index: int) -> float:
    """Return the share of the predictions of one label that are right."""
    from sklearn.metrics import precision_score

    return float(precision_score(labels[:, index], predicted[:, index], zero_division=0))


def label_recall(labels: NDArray[Any], predicted: NDArray[Any], index: int) -> float:
    """Return the share of the texts with one label for which it is predicted."""
    from sklearn.metrics import recall_score

    return float(recall_score(labels[:, index], predicted[:, index], zero_division=0))


def binary_cross_entropies(labels: NDArray[Any], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Return the binary cross entropy of each text in nats, as the mean over the labels: (N,).

    A probability that is 0 or 1 in float32 was rounded to that. One of 1 for a wrong label costs 17.3: the loss is its
    logit, which was 16.6 or more.
    """
    values = probabilities.astype(np.float64)
    of_true = np.where(labels > 0, np.maximum(values, _SMALLEST), np.maximum(1 - values, _SMALLEST_COMPLEMENT))
    of_texts: NDArray[np.float64] = -np.log(of_true).mean(axis=1)
    return of_texts


def binary_log_loss(labels: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """Return the mean binary cross entropy of texts and labels in nats."""
    return float(binary_cross_entropies(labels, probabilities).mean())
