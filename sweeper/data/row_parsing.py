"""Parsing of published rows: the text and the class of each row, or the reason why the row cannot be used."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeper.data.cell_values import BadValueError, to_text
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError
from sweeper.wording import allowed_hint, quote_value


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be used: its place in the source, its text or two texts, and its class name."""

    place: str
    texts: tuple[str, ...]
    label: str


def parse_rows(dataset: DatasetSpec, table: RawTable, bad_rows: list[str]) -> Iterator[Row]:
    """Yield the rows that can be used, in order. A line for each bad row, with place and reason, goes to `bad_rows`.

    Rows that the catalog excludes are skipped. Raises UnavailableError if a column is missing.
    """
    for column in dataset.columns:
        if column not in table.columns:
            hint = allowed_hint(table.columns, column)
            raise UnavailableError(f"data set {dataset.name}: {table.name} needs a column {column}, {hint}")
    bad_rows += table.unreadable_rows
    for place, values in _selected_rows(dataset, table):
        try:
            label = _parse_label(dataset, values.get(dataset.label))
            if label is not None:
                yield Row(place, tuple(_parse_text(dataset, column, values) for column in dataset.text), label)
        except BadValueError as error:
            bad_rows.append(f"{place}: {error}")


def _selected_rows(dataset: DatasetSpec, table: RawTable) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the rows with the catalog's values, and of those with the same key only the first."""
    seen: set[Any] = set()
    for place, values in table.rows:
        if dataset.row_filter and any(str(values.get(key)) != value for key, value in dataset.row_filter.items()):
            continue
        if dataset.deduplicate_by is not None:
            key = values.get(dataset.deduplicate_by)
            if key in seen:
                continue
            seen.add(key)
        yield place, values


def _parse_text(dataset: DatasetSpec, column: str, values: Mapping[str, Any]) -> str:
    """Return the text in a column. Raises BadValueError if there is none."""
    text = to_text(values.get(column), column, "text")
    for old, new in dataset.replacements.items():
        text = text.replace(old, new)
    if not text:
        raise BadValueError(f"no text in {column}")
    return text


def _parse_label(dataset: DatasetSpec, value: Any) -> str | None:
    """Return the class name, None if the row is to be skipped. Raises BadValueError if it is no label."""
    if dataset.multi_label != "refuse" and isinstance(value, (list, tuple, np.ndarray)):
        if dataset.multi_label == "single" and len(value) > 1:
            return None
        value = value[0] if len(value) else None
    label = to_text(value, dataset.label, "label")
    if not label:
        raise BadValueError(f"no label in {dataset.label}")
    if not dataset.classes:
        return label
    name = dataset.classes.get(label, label if label in dataset.classes.values() else None)
    if name is None:
        raise BadValueError(f"unknown label in {dataset.label}, got {quote_value(label)}")
    return None if name in dataset.excluded_classes else name
