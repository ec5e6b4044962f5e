"""Divides a metric of a test split among its texts, so that any metric can be tested like accuracy.

Accuracy is a mean over texts, and other metrics are not: one text more or less of a class changes that class's F1. The
influence of a text is how much the metric falls without it, times N - 1 (the jackknife; Efron & Stein, "The jackknife
estimate of variance", 1981). The metric plus the centred influences are values whose mean is the metric, and which vary
as it does with other texts. For accuracy they are 1 where the model is right and 0 where it is wrong; for the loss they
are each text's own.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sweeper.protocol.finished_sweep import TestPredictions
from sweeper.training.label_set_metrics import label_set_metric
from sweeper.training.metric import Metric
from sweeper.training.metric_registry import find_metric
from sweeper.training.metrics import confusion_function, confusion_matrix
from sweeper.training.named_function import load_function
from sweeper.training.probability_metrics import apply_temperature, fit_temperature
from sweeper.training.thresholds import PLAIN, predict_label_sets


def text_scores(models: Sequence[TestPredictions], metric: str, class_names: Sequence[str]) -> NDArray[np.float64]:
    """Return the share of each text in the metric of each model: (S, N). The mean over texts is the metric.

    `metric` names a metric that is a function of a confusion matrix or has `without_each`. For a metric after
    temperature scaling, the probabilities are those of `rescale`; the temperature is the same without a text.
    """
    return np.stack([_text_scores(model, metric, class_names) for model in models])


def has_text_scores(model: TestPredictions, metric: str) -> bool:
    """Return True if these predictions have what `text_scores` needs for a metric that can be compared."""
    definition = find_metric(metric)
    if model.labels.ndim == 2:
        return definition.fits_label_sets and model.probabilities is not None
    return definition.function is not None or model.probabilities is not None


def metric_of(model: TestPredictions, metric: str, class_names: Sequence[str]) -> float:
    """Return a metric of one model's predicted classes, or predicted label sets."""
    if model.labels.ndim == 2:
        assert model.probabilities is not None
        return label_set_metric(metric, model.labels, model.predictions, model.probabilities, class_names)
    confusion = confusion_matrix(model.labels, model.predictions, len(class_names))
    return float(confusion_function(find_metric(metric), class_names)(confusion))


def any_metric_of(
    model: TestPredictions, metric: str, class_names: Sequence[str], validation: TestPredictions | None = None
) -> float | None:
    """Return a metric of one model's predictions, of classes or probabilities; NaN where it is undefined.

    A metric after temperature scaling needs the same model's predictions on `validation`. None if what it needs is
    missing.
    """
    definition = find_metric(metric)
    if model.labels.ndim == 2:
        return metric_of(model, metric, class_names) if has_text_scores(model, metric) else None
    if definition.function is not None:
        return metric_of(model, metric, class_names)
    scored = rescale(model, validation) if definition.is_rescaled else model
    if scored is None or scored.probabilities is None or definition.of_probabilities is None:
        return None
    return float(load_function(definition.of_probabilities)(scored.labels, scored.probabilities))


def rescale(model: TestPredictions, validation: TestPredictions | None) -> TestPredictions | None:
    """Return predictions after temperature scaling, with the temperature that fits the same model's on `validation`.

    None if the probabilities of either split are missing.
    """
    if model.probabilities is None or validation is None or validation.probabilities is None:
        return None
    temperature = fit_temperature(validation.labels, validation.probabilities)
    return replace(model, probabilities=apply_temperature(model.probabilities, temperature))


def _text_scores(model: TestPredictions, metric: str, class_names: Sequence[str]) -> NDArray[np.float64]:
    if metric == "accuracy":  # the same as below, without rounding
        correct: NDArray[np.float64] = (model.labels == model.predictions).astype(np.float64)
        return correct
    definition = find_metric(metric)
    if model.labels.ndim == 2:
        return _label_set_scores(model, metric, class_names)
    if definition.function is None:
        return _probability_scores(model, definition)
    confusion = confusion_matrix(model.labels, model.predictions, len(class_names))
    score_of = confusion_function(definition, class_names)
    score, influences = float(score_of(confusion)), np.zeros(confusion.shape)
    for pair in zip(*np.nonzero(confusion), strict=True):  # texts of equal true and predicted class weigh the same
        confusion[pair] -= 1
        influences[pair] = (len(model.labels) - 1) * (score - score_of(confusion))
        confusion[pair] += 1
    return _centred(score, influences[model.labels, model.predictions])


def _probability_scores(model: TestPredictions, definition: Metric) -> NDArray[np.float64]:
    probabilities = model.probabilities
    assert probabilities is not None
    assert definition.of_probabilities is not None
    assert definition.without_each is not None
    score = float(load_function(definition.of_probabilities)(model.labels, probabilities))
    without = load_function(definition.without_each)(model.labels, probabilities)
    return _centred(score, (len(model.labels) - 1) * (score - without))


def _label_set_scores(model: TestPredictions, metric: str, class_names: Sequence[str]) -> NDArray[np.float64]:
    """Return the score of each text in a metric of label sets. The thresholds are the same without the text."""
    definition, probabilities = find_metric(metric), model.probabilities
    assert probabilities is not None
    assert definition.without_each_label_set is not None
    without_each = load_function(definition.without_each_label_set)
    if definition.of_label_probabilities is not None:
        without = without_each(model.labels, probabilities)
    else:
        predicted = predict_label_sets(probabilities, PLAIN) if definition.is_plain else model.predictions
        index = {} if definition.class_name is None else {"index": class_names.index(definition.class_name)}
        without = without_each(model.labels, predicted, **index)
    score = metric_of(model, metric, class_names)
    return _centred(score, (len(model.labels) - 1) * (score - without))


def _centred(score: float, influences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the score of each text (N,) from the influences of the texts."""
    scores: NDArray[np.float64] = score + influences - influences.mean()
    return scores
