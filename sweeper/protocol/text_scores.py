"""Divides a metric of a test split among its texts, so that any metric can be tested like accuracy.

Accuracy is a mean over texts, and other metrics are not: one text more or less of a class changes that class's F1. The
influence of a text is how much the metric falls without it, times N - 1 (the jackknife; Efron & Stein, "The jackknife
estimate of variance", 1981). The metric plus the centred influences are values whose mean is the metric, and which vary
as it does with other texts. For accuracy they are 1 where the model is right and 0 where it is wrong.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.protocol.finished_sweep import TestPredictions
from sweeper.training.metrics import ConfusionMatrix, confusion_matrix
from sweeper.training.registry import METRICS, load_function


def text_scores(models: Sequence[TestPredictions], metric: str, num_classes: int) -> NDArray[np.float64]:
    """Return the share of each text in the metric of each model: (S, N). The mean over texts is the metric.

    `metric` names an entry of METRICS that is a function of a confusion matrix.
    """
    return np.stack([_text_scores(model, metric, num_classes) for model in models])


def metric_of(model: TestPredictions, metric: str, num_classes: int) -> float:
    """Return a metric of one model's predictions."""
    return _metric(metric, confusion_matrix(model.labels, model.predictions, num_classes))


def _text_scores(model: TestPredictions, metric: str, num_classes: int) -> NDArray[np.float64]:
    if metric == "accuracy":  # the same as below, without rounding
        correct: NDArray[np.float64] = (model.labels == model.predictions).astype(np.float64)
        return correct
    confusion = confusion_matrix(model.labels, model.predictions, num_classes)
    score, influences = _metric(metric, confusion), np.zeros(confusion.shape)
    for pair in zip(*np.nonzero(confusion), strict=True):  # texts of equal true and predicted class weigh the same
        confusion[pair] -= 1
        influences[pair] = (len(model.labels) - 1) * (score - _metric(metric, confusion))
        confusion[pair] += 1
    of_texts = influences[model.labels, model.predictions]  # (N,)
    scores: NDArray[np.float64] = score + of_texts - of_texts.mean()
    return scores


def _metric(name: str, confusion: ConfusionMatrix) -> float:
    function = METRICS[name].function
    assert function is not None, f"{name} is no function of a confusion matrix"
    return float(load_function(function)(confusion))
