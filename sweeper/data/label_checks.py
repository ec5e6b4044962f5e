"""Checks of a user's label column: a test split without labels, and numbers that are no classes."""

from collections.abc import Mapping, Sequence

from sweeper.data.arrow_columns import distinct_values
from sweeper.data.cell_values import BadValueError, to_text
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError
from sweeper.wording import allowed_hint, quote_value

_NO_LABEL = "-1"  # in every row of a test split: the labels are withheld, as the hub does it
_MOST_FRACTIONS = 20  # classes that are numbers with a fraction; a scale of half stars has ten


def describe_unlabelled_test(dataset: DatasetSpec, tables: Mapping[str, RawTable]) -> str | None:
    """Return the reason why the test split has no labels. None if it has some, or if there is no test split.

    Test splits are often published without labels, or with -1 in every row. -1 is a class like any other if the
    training split has it. None also if the training split has no label column, which is an error of its own.
    """
    if "test" not in tables or dataset.classes or dataset.label not in tables["train"].columns:
        return None
    if dataset.label not in tables["test"].columns:
        return f"the test split has no column {dataset.label}"
    labels = _labels(dataset, tables["test"])
    if labels <= {""}:
        return "the test split has no labels"
    if labels <= {"", _NO_LABEL} and _NO_LABEL not in _labels(dataset, tables["train"]):
        return f"the test split has no labels ({_NO_LABEL} in every row)"
    return None


def in_label_order(dataset: DatasetSpec, labels: Sequence[str]) -> tuple[str, ...]:
    """Return the labels of the training split, by `label_order` if the data set has one.

    Raises UnavailableError if that does not name just these labels.
    """
    order = dataset.label_order
    missing, unknown = [name for name in labels if name not in order], [name for name in order if name not in labels]
    if not order:
        return tuple(labels)
    if missing:
        rule = f"label_order must name every label of train; it lacks {_listed(missing)}"
        raise UnavailableError(f"data set {dataset.name}: {rule}")
    if unknown:
        hint = allowed_hint(labels, unknown[0])
        raise UnavailableError(
            f"data set {dataset.name}: label_order names {_listed(unknown)}, which train does not have, {hint}"
        )
    return order


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return quote_value(names[0]) + more


def require_no_measurements(dataset: DatasetSpec, class_names: Sequence[str]) -> None:
    """Raise UnavailableError if the labels are measurements, such as 0.137, of which a classifier makes no sense."""
    fractions = [name for name in class_names if _is_fraction(name)]
    if len(fractions) > _MOST_FRACTIONS:
        raise UnavailableError(
            f"data set {dataset.name}: {dataset.label} has {len(fractions)} different numbers such as {fractions[0]}: "
            "measurements, not classes; group them into a few classes, or name another column"
        )


def _labels(dataset: DatasetSpec, table: RawTable) -> set[str]:
    """Return the different labels of a split. A value that is no label counts as one of its own."""
    _, distinct = distinct_values(table.values[dataset.label])
    return {_label_or_kind(value) for value in distinct}


def _label_or_kind(value: object) -> str:
    if isinstance(value, (list, tuple)) and not value:
        return ""
    try:
        return to_text(value, "", "label")
    except BadValueError as error:
        return str(error)


def _is_fraction(name: str) -> bool:
    """Return True if a class name is a number with a fraction, such as 0.137 or 0,137."""
    try:
        return float(name.replace(",", ".")) % 1 > 0
    except ValueError:
        return False
