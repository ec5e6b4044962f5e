"""The metrics of label sets without each of the texts in turn, for the jackknife of protocol/text_scores.py.

Each function takes the true and the predicted label sets (N, C) and returns (N,); one of a single label also takes its
index. Thresholds stay as they are: they were chosen on other texts.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.training.label_set_metrics import binary_cross_entropies

Values = NDArray[np.float64]


def macro_f1_without_each(labels: NDArray[Any], predicted: NDArray[Any]) -> Values:
    """Return the macro F1 of all other texts."""
    right, sizes = _counts_without_each(labels, predicted)
    values: Values = _share(2 * right, sizes).mean(axis=1)
    return values


def micro_f1_without_each(labels: NDArray[Any], predicted: NDArray[Any]) -> Values:
    """Return the micro F1 of all other texts."""
    right, sizes = _counts_without_each(labels, predicted)
    return _share(2 * right.sum(axis=1), sizes.sum(axis=1))


def label_f1_without_each(labels: NDArray[Any], predicted: NDArray[Any], index: int) -> Values:
    """Return the F1 of one label on all other texts."""
    right, sizes = _counts_without_each(labels, predicted)
    return _share(2 * right[:, index], sizes[:, index])


def label_precision_without_each(labels: NDArray[Any], predicted: NDArray[Any], index: int) -> Values:
    """Return the precision of one label on all other texts."""
    right, _ = _counts_without_each(labels, predicted)
    return _share(right[:, index], _sums_without_each(predicted)[:, index])


def label_recall_without_each(labels: NDArray[Any], predicted: NDArray[Any], index: int) -> Values:
    """Return the recall of one label on all other texts."""
    right, _ = _counts_without_each(labels, predicted)
    return _share(right[:, index], _sums_without_each(labels)[:, index])


def binary_log_loss_without_each(labels: NDArray[Any], probabilities: NDArray[Any]) -> Values:
    """Return the mean binary cross entropy of all other texts."""
    of_texts = binary_cross_entropies(labels, probabilities)
    values: Values = (of_texts.sum() - of_texts) / max(len(of_texts) - 1, 1)
    return values


def _counts_without_each(labels: NDArray[Any], predicted: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the right predictions of each label on all other texts, and its texts and predictions together: (N, C)."""
    return _sums_without_each(labels * predicted), _sums_without_each(labels + predicted)


def _sums_without_each(values: NDArray[Any]) -> NDArray[Any]:
    sums: NDArray[Any] = values.sum(axis=0) - values
    return sums


def _share(part: NDArray[Any], whole: NDArray[Any]) -> Values:
    shares: Values = part / np.maximum(whole, 1)
    return shares
