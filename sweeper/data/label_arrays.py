"""The labels of a split as an array: class numbers (N,), or for `task: multi_label` a 0/1 matrix (N, C)."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray


def to_array(
    label_sets: Sequence[tuple[str, ...]], numbers: Mapping[str, int], *, is_multi_label: bool
) -> NDArray[np.int64]:
    """Return the labels of some rows: the number of each row's class, or a matrix of the classes in its set.

    `numbers` are those of the classes by name. A class without a number is -1, or is left out of its set.
    """
    if not is_multi_label:
        return np.array([numbers.get(names[0], -1) for names in label_sets], np.int64)
    matrix = np.zeros((len(label_sets), len(numbers)), np.int64)
    for row, names in enumerate(label_sets):
        matrix[row, [numbers[name] for name in names if name in numbers]] = 1
    return matrix


def count_labels(labels: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """Return the number of texts that have each class (C,)."""
    counts: NDArray[np.int64] = np.bincount(labels, minlength=num_classes) if labels.ndim == 1 else labels.sum(axis=0)
    return counts


def present_classes(labels: NDArray[np.int64]) -> list[int]:
    """Return the numbers of the classes that any of these rows has."""
    present: list[int] = (np.unique(labels) if labels.ndim == 1 else np.flatnonzero(labels.any(axis=0))).tolist()
    return present


def rows_of_class(labels: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """Return the rows (M,) that have a class."""
    return np.flatnonzero(labels == number if labels.ndim == 1 else labels[:, number])


def strata(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number (N,) by which a sample keeps shares: the class; of a label set its rarest class.

    A text without a label has the number C.
    """
    if labels.ndim == 1:
        return labels
    totals = labels.sum(axis=0)
    rarest = np.where(labels > 0, totals, len(labels) + 1).argmin(axis=1)
    stratum_of_row: NDArray[np.int64] = np.where(labels.any(axis=1), rarest, labels.shape[1])
    return stratum_of_row


def number_labels(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for each row (N,). Rows with the same class, or the same label set, have the same number."""
    if labels.ndim == 1:
        return labels
    numbers: NDArray[np.int64] = np.unique(labels, axis=0, return_inverse=True)[1].reshape(-1)
    return numbers
