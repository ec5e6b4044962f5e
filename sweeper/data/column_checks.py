"""Refusals of columns that cannot be the label or the text: labels that are ids, and texts that never differ."""

from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.row_parsing import ParsedRows
from sweeper.data.rows import LabelledTexts
from sweeper.errors import UnavailableError

_MIN_ROWS = 10  # fewer rows say too little about a column
_MAX_CLASSES_PER_ROW = 0.5


def are_too_many_classes(classes: int, rows: int) -> bool:
    """Return True if so many different labels identify rows instead of classes."""
    return rows >= _MIN_ROWS and classes > _MAX_CLASSES_PER_ROW * rows


def require_label_column(dataset: DatasetSpec, rows: ParsedRows) -> None:
    """Raise UnavailableError if the labels of the training rows identify rows instead of classes."""
    labels = len(rows.label_names)
    if not dataset.classes and are_too_many_classes(labels, len(rows)):
        raise UnavailableError(
            f"data set {dataset.name}: the column {dataset.label} has {labels:,} different values in {len(rows):,} "
            "training rows, so it is no label; name the column of the labels with `label`"
        )


def require_validation(dataset: DatasetSpec, validation: LabelledTexts) -> None:
    """Raise UnavailableError if no row could be held out for validation."""
    if not len(validation):
        raise UnavailableError(
            f"data set {dataset.name}: no class has two different texts in train, so no validation split can be made "
            f"from it; give one with `validation`, or see whether {' and '.join(dataset.text)} is the text"
        )
