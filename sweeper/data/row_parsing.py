"""Parsing of published rows: the text and the class of each row, or the reason why the row cannot be used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.data.arrow_columns import TextColumn, distinct_values, read_texts
from sweeper.data.bad_rows import BadRows
from sweeper.data.cell_values import BadValueError, to_text
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.rows import LabelledTexts, RawTable
from sweeper.errors import UnavailableError
from sweeper.wording import allowed_hint, quote_value


@dataclass(frozen=True)
class ParsedRows:
    """The rows of a split that can be used, N of them.

    `texts` has a list for each text column, (N,). `labels` are numbers of `label_names`, (N,), which are in the order
    of their first rows. `indices` are the rows in the table, (N,), and `place` returns the place of such a row.
    """

    texts: Sequence[list[str]]
    labels: NDArray[np.int64]
    label_names: tuple[str, ...]
    indices: NDArray[np.int64]
    place: Callable[[int], str]

    def __len__(self) -> int:
        return len(self.labels)

    def with_classes(self, class_names: Sequence[str], bad_rows: BadRows) -> LabelledTexts:
        """Return the rows whose label is a class. The others go to `bad_rows`."""
        numbers = {name: number for number, name in enumerate(class_names)}
        known = np.array([numbers.get(name, -1) for name in self.label_names], np.int64)
        classes = known[self.labels]
        first, *second = self.texts
        rows = LabelledTexts(first, classes, second[0] if second else None)
        unknown = np.flatnonzero(classes < 0)
        if not len(unknown):
            return rows
        reasons = [f"the training split does not have this label, got {quote_value(name)}" for name in self.label_names]
        bad_rows.add({int(self.indices[row]): reasons[self.labels[row]] for row in unknown}, self.place)
        return rows.take(np.flatnonzero(classes >= 0))


def parse_rows(dataset: DatasetSpec, table: RawTable, bad_rows: BadRows) -> ParsedRows:
    """Return the rows that can be used, in order. The bad ones, with place and reason, go to `bad_rows`.

    Rows that the catalog excludes are skipped. Raises UnavailableError if a column is missing.
    """
    for column in dataset.columns:
        if column not in table.columns:
            hint = allowed_hint(table.columns, column)
            raise UnavailableError(f"data set {dataset.name}: {table.name} needs a column {column}, {hint}")
    bad_rows.add_lines(table.unreadable_rows)
    codes, distinct = distinct_values(table.values[dataset.label])
    names, reasons = _parse_labels(dataset, distinct)
    selected = _select_rows(dataset, table)
    is_bad = np.array([code in reasons for code in range(len(distinct))], np.bool_)[codes]
    is_skipped = np.array([name is None for name in names], np.bool_)[codes]
    problems = {row: reasons[codes[row]] for row in np.flatnonzero(selected & is_bad).tolist()}
    kept = selected & ~is_skipped
    columns = [_parse_texts(dataset, column, table) for column in dataset.text]
    for text_column in columns:
        for row, reason in text_column.problems.items():
            if kept[row]:
                problems.setdefault(row, reason)
                kept[row] = False
    bad_rows.add(problems, table.place)
    return _keep_rows(table, kept, [column.texts for column in columns], names, codes)


def _keep_rows(
    table: RawTable,
    kept: NDArray[np.bool_],
    columns: Sequence[list[str]],
    names: Sequence[str | None],
    codes: NDArray[np.int64],
) -> ParsedRows:
    if not kept.all():
        columns = [list(compress(texts, kept.tolist())) for texts in columns]
    codes = codes[kept]
    used, firsts = np.unique(codes, return_index=True)
    in_order = used[np.argsort(firsts)].tolist()
    label_names = tuple(dict.fromkeys(str(names[code]) for code in in_order))
    numbers = {name: number for number, name in enumerate(label_names)}
    number_of = np.array([numbers.get(str(name), -1) for name in names], np.int64)
    return ParsedRows(columns, number_of[codes], label_names, np.flatnonzero(kept), table.place)


def _select_rows(dataset: DatasetSpec, table: RawTable) -> NDArray[np.bool_]:
    """Return True for the rows with the catalog's values, and of those with the same key only for the first, (N,)."""
    selected = np.ones(len(table), np.bool_)
    for column, wanted in dataset.row_filter.items():
        codes, distinct = distinct_values(table.values[column])
        selected &= np.array([_shown(value) == wanted for value in distinct], np.bool_)[codes]
    if dataset.deduplicate_by is not None:
        codes, _ = distinct_values(table.values[dataset.deduplicate_by])
        rows = np.flatnonzero(selected)
        selected[:] = False
        selected[rows[np.unique(codes[rows], return_index=True)[1]]] = True
    return selected


def _shown(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _parse_texts(dataset: DatasetSpec, name: str, table: RawTable) -> TextColumn:
    """Return the texts in a column. A row without a text has a problem, too."""
    column = read_texts(table.values[name], name)
    texts = column.texts
    for old, new in dataset.replacements.items():
        texts = [text.replace(old, new) for text in texts]
    if "" in texts:
        no_text = {row: f"no text in {name}" for row, text in enumerate(texts) if not text}
        return TextColumn(texts, no_text | column.problems)
    return TextColumn(texts, column.problems)


def _parse_labels(dataset: DatasetSpec, values: Sequence[Any]) -> tuple[list[str | None], dict[int, str]]:
    """Return the class name of each value, None if its rows are to be skipped, and a reason for each that is none."""
    names: list[str | None] = []
    reasons: dict[int, str] = {}
    for number, value in enumerate(values):
        try:
            names.append(_parse_label(dataset, value))
        except BadValueError as error:
            names.append(None)
            reasons[number] = str(error)
    return names, reasons


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
