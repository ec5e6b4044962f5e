"""The errors of confirmed models: classes that are confused, and confident errors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.reporting.html.figure_data import ClassWeightsFigure, ConfusionFigure
from sweeper.reporting.html.report_data import ReportData
from sweeper.training.types import Predictions


@dataclass(frozen=True)
class Misclassification:
    """A text that was predicted wrongly: its row in the split, from 0, and the probability of the predicted class."""

    row: int
    true: str
    predicted: str
    probability: float


def build_confusion(labels: Sequence[str], models: Sequence[Predictions], title: str) -> ConfusionFigure:
    """Return how often each class was taken for each class, summed over models."""
    counts = np.zeros((len(labels), len(labels)), dtype=np.int64)  # (C, C)
    for predictions in models:
        np.add.at(counts, (predictions.labels, predictions.predicted_classes), 1)
    return ConfusionFigure(labels, counts, title)


def find_confident_errors(labels: Sequence[str], predictions: Predictions, limit: int) -> list[Misclassification]:
    """Return at most `limit` misclassified texts, the most confident first; equal ones in the order of the split."""
    predicted, confidence = predictions.predicted_classes, predictions.probabilities.max(axis=1)  # (N,)
    wrong = np.flatnonzero(predicted != predictions.labels)
    rows = wrong[np.argsort(-confidence[wrong], kind="stable")][:limit]
    return [
        Misclassification(int(row), labels[predictions.labels[row]], labels[predicted[row]], float(confidence[row]))
        for row in rows
    ]


def build_class_weights(report: ReportData) -> list[ClassWeightsFigure]:
    """Return the class weights that LCL learned, for each system that has some: the mean over its fresh seeds."""
    figures = []
    for system, name in enumerate(report.systems):
        weights = report.select_seeds(system, report.predictions.class_weights)
        if weights:
            figures.append(ClassWeightsFigure(report.labels, np.mean(list(weights.values()), axis=0), name))
    return figures
