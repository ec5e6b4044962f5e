"""Parsing of published rows: the text and the class of each row, or the reason why the row cannot be used."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError
from sweeper.wording import allowed_hint, quote_value

_POINT_ZERO = re.compile(r"(?<=\d)\.0+$")  # pandas writes whole numbers like this if one of them is missing


@dataclass(frozen=True)
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
    seen: set[Any] = set()
    for place, values in table.rows:
        if any(str(values.get(column)) != value for column, value in dataset.row_filter.items()):
            continue
        if dataset.deduplicate_by is not None:
            key = values.get(dataset.deduplicate_by)
            if key in seen:
                continue
            seen.add(key)
        label, problem = _parse_label(dataset, values.get(dataset.label))
        if label is None and problem is None:
            continue
        texts = tuple(_parse_text(dataset, values.get(column)) for column in dataset.text)
        if any(isinstance(values.get(column), (list, dict)) for column in dataset.text):
            problem = "the text is a list or a mapping"
        elif not _is_encodable(*texts, label or ""):
            problem = "not UTF-8"
        elif not all(texts):
            problem = f"no text in {dataset.text[texts.index('')]}"
        if problem is not None or label is None:
            bad_rows.append(f"{place}: {problem}")
        else:
            yield Row(place, texts, label)


def has_labels(dataset: DatasetSpec, table: RawTable) -> bool:
    """Return True if any row has a label. Test splits are often published without."""
    return any(_label_text(values.get(dataset.label)) for _, values in table.rows)


def _is_encodable(*words: str) -> bool:
    """Return True if UTF-8 can encode the words. It cannot encode half of a surrogate pair."""
    try:
        "".join(words).encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse_text(dataset: DatasetSpec, value: Any) -> str:
    """Return the text, or "" if the value is missing."""
    text = "" if _is_missing(value) else str(value).strip()
    for old, new in dataset.replacements.items():
        text = text.replace(old, new)
    return text


def _parse_label(dataset: DatasetSpec, value: Any) -> tuple[str | None, str | None]:
    """Return the class name and None, or None and the problem. Both are None if the row is to be skipped."""
    if isinstance(value, (list, tuple, np.ndarray)):
        if dataset.multi_label == "refuse" and len(value) > 1:
            return None, f"several labels in {dataset.label}, got {quote_value(list(value))}"
        if dataset.multi_label == "single" and len(value) > 1:
            return None, None
        value = value[0] if len(value) else None
    text = _label_text(value)
    if not text:
        return None, f"no label in {dataset.label}"
    if not dataset.classes:
        return text, None
    name = dataset.classes.get(text, text if text in dataset.classes.values() else None)
    if name is None:
        return None, f"unknown label in {dataset.label}, got {quote_value(text)}"
    return (None, None) if name in dataset.excluded_classes else (name, None)


def _label_text(value: Any) -> str:
    """Return a label as text, "" if it is missing. 3, 3.0 and "3.0" are the same class."""
    return "" if _is_missing(value) else _POINT_ZERO.sub("", str(value).strip())


def _is_missing(value: Any) -> bool:
    return value is None or bool(value != value)  # NaN is not equal to itself
