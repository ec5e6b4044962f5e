"""The labels in a value of the label column."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sweeper.data.cell_values import BadValueError, to_text
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.wording import quote_value


def read_labels(dataset: DatasetSpec, value: Any) -> list[str]:
    """Return the labels that a value names: one, or any number if the data set's task is multi_label.

    None of a single-label data set means that the row is to be skipped. Raises BadValueError if the value is no label,
    or no list of labels.
    """
    is_list = isinstance(value, (list, tuple, np.ndarray))
    if dataset.is_multi_label:
        return _read_list(dataset, value if is_list else _split(dataset, value))
    if is_list and dataset.multi_label == "refuse":
        label = _refuse_list(dataset, value)
    elif is_list:
        if dataset.multi_label == "single" and len(value) > 1:
            return []
        label = to_text(value[0] if len(value) else None, dataset.label, "label")
    else:
        label = to_text(value, dataset.label, "label")
    if not label:
        raise BadValueError(f"no label in {dataset.label}")
    return [label]


def _refuse_list(dataset: DatasetSpec, value: Any) -> str:
    """Raise BadValueError for a list, with the way out."""
    try:
        return to_text(value, dataset.label, "label")
    except BadValueError as error:
        raise BadValueError(f"{error}; for texts with several labels, set dataset.task: multi_label") from None


def _read_list(dataset: DatasetSpec, values: Sequence[Any]) -> list[str]:
    labels = [to_text(value, dataset.label, "label") for value in values]
    if "" in labels:
        raise BadValueError(f"an empty label in {dataset.label}, got {quote_value(labels)}")
    return labels


def _split(dataset: DatasetSpec, value: Any) -> list[str]:
    """Return the parts of a string of labels; none of an empty one. Raises BadValueError if it is not to be split."""
    text = to_text(value, dataset.label, "label")
    if dataset.label_separator is not None:
        return text.split(dataset.label_separator) if text else []
    if not text:
        raise BadValueError(f"no list of labels in {dataset.label}; an empty list is a text without a label")
    remedy = "name what separates the labels with dataset.label_separator"
    raise BadValueError(f"{dataset.label} is no list of labels, got {quote_value(text)}; {remedy}")
