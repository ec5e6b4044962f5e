"""The scores of each class, and how well a model knows how sure it may be."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sweeper.reporting.html.figure_data import CalibrationBin, CalibrationFigure
from sweeper.training.probability_metrics import NUM_BINS, calibration_bins, calibration_error
from sweeper.training.types import Predictions


@dataclass(frozen=True)
class ClassScores:
    """Precision, recall and F1 of a class, and its texts. A score without texts or predictions is None."""

    texts: int
    precision: float | None
    recall: float | None
    f1: float | None


def score_classes(counts: NDArray[np.int64]) -> list[ClassScores]:
    """Return the scores of each class from a confusion matrix (C, C), with the true class in the row."""
    scores = []
    for k, (true, predicted) in enumerate(zip(counts.sum(axis=1).tolist(), counts.sum(axis=0).tolist(), strict=True)):
        right = int(counts[k, k])
        precision, recall, f1 = _share(right, predicted), _share(right, true), _share(2 * right, true + predicted)
        scores.append(ClassScores(true, precision, recall, f1))
    return scores


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def build_calibration(models: Sequence[Predictions], title: str) -> CalibrationFigure:
    """Return how often these models are right by the probability of their predicted class, in ten equal bins."""
    confidence = np.concatenate([model.probabilities.max(axis=1) for model in models]).astype(float)  # (S N,)
    right = np.concatenate([model.predicted_classes == model.labels for model in models])
    bins = calibration_bins(confidence)  # (S N,)
    return CalibrationFigure(
        title,
        [
            CalibrationBin(int(is_in_bin.sum()), float(confidence[is_in_bin].mean()), float(right[is_in_bin].mean()))
            for is_in_bin in (bins == k for k in range(NUM_BINS))
            if is_in_bin.any()
        ],
    )


def pooled_calibration_error(models: Sequence[Predictions]) -> float:
    """Return the expected calibration error of all predictions of these models together, as the figure shows them."""
    labels = np.concatenate([model.labels for model in models])
    return calibration_error(labels, np.concatenate([model.probabilities for model in models]))
