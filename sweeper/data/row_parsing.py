"""Parsing of published rows: the text and the class of each row, or the reason why the row cannot be used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.data.arrow_columns import TextColumn, distinct_values, read_texts
from sweeper.data.bad_rows import BadRowKind, BadRows
from sweeper.data.cell_values import BadValueError
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.label_arrays import to_array
from sweeper.data.label_values import read_labels
from sweeper.data.rows import LabelledTexts, RawTable
from sweeper.errors import UnavailableError
from sweeper.wording import allowed_hint, quote_value


@dataclass(frozen=True)
class ParsedRows:
    """The rows of a split that can be used, N of them.

    `texts` has a list for each text column, (N,). `labels` are numbers of `label_sets`, (N,), which are in the order
    of their first rows; each has one label name, or any number of them if `is_multi_label`. `indices` are the rows in
    the table, (N,), and `place` returns the place of such a row. `split` is the name of the split.
    """

    texts: Sequence[list[str]]
    labels: NDArray[np.int64]
    label_sets: tuple[tuple[str, ...], ...]
    is_multi_label: bool
    indices: NDArray[np.int64]
    place: Callable[[int], str]
    split: str

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of all labels, in the order of their first rows."""
        return tuple(dict.fromkeys(chain.from_iterable(self.label_sets)))

    def with_classes(self, class_names: Sequence[str], bad_rows: BadRows) -> LabelledTexts:
        """Return the rows whose labels are classes. The others go to `bad_rows`."""
        numbers = {name: number for number, name in enumerate(class_names)}
        labels = to_array(self.label_sets, numbers, is_multi_label=self.is_multi_label)[self.labels]
        first, *second = self.texts
        rows = LabelledTexts(first, labels, second[0] if second else None)
        reasons = {
            number: f"the training split does not have this label, got {quote_value(unknown[0])}"
            for number, names in enumerate(self.label_sets)
            if (unknown := [name for name in names if name not in numbers])
        }
        is_unknown = np.isin(self.labels, list(reasons))
        if not is_unknown.any():
            return rows
        unusable = np.flatnonzero(is_unknown)
        bad_rows.kinds[self.split, BadRowKind.UNKNOWN_CLASS] += len(unusable)
        bad_rows.add({int(self.indices[row]): reasons[int(self.labels[row])] for row in unusable}, self.place)
        return rows.take(np.flatnonzero(~is_unknown))


def parse_rows(dataset: DatasetSpec, split: str, table: RawTable, bad_rows: BadRows) -> ParsedRows:
    """Return the rows of a split that can be used, in order. The bad ones, with place and reason, go to `bad_rows`.

    Rows that the catalog excludes are skipped. Raises UnavailableError if a column is missing.
    """
    for column in dataset.columns:
        if column not in table.columns:
            hint = allowed_hint(table.columns, column)
            raise UnavailableError(f"data set {dataset.name}: {table.name} needs a column {column}, {hint}")
    bad_rows.add_lines(table.unreadable_rows)
    codes, distinct = distinct_values(table.values[dataset.label])
    label_sets, reasons = _parse_labels(dataset, distinct)
    selected = _select_rows(dataset, table)
    is_bad = np.array([code in reasons for code in range(len(distinct))], np.bool_)[codes]
    is_skipped = np.array([names is None for names in label_sets], np.bool_)[codes]
    problems = {row: reasons[codes[row]] for row in np.flatnonzero(selected & is_bad).tolist()}
    bad_rows.kinds[split, BadRowKind.UNREADABLE] += len(table.unreadable_rows)
    bad_rows.kinds[split, BadRowKind.LABEL] += len(problems)
    kept = selected & ~is_skipped
    columns = [_parse_texts(dataset, column, table) for column in dataset.text]
    for text_column in columns:
        for row, reason in text_column.problems.items():
            if kept[row]:
                problems.setdefault(row, reason)
                kept[row] = False
                bad_rows.kinds[split, BadRowKind.TEXT] += 1
    bad_rows.add(problems, table.place)
    texts = [column.texts for column in columns]
    return _keep_rows(dataset, split, table, kept, texts, label_sets, codes)


def _keep_rows(
    dataset: DatasetSpec,
    split: str,
    table: RawTable,
    kept: NDArray[np.bool_],
    columns: Sequence[list[str]],
    label_sets: Sequence[tuple[str, ...] | None],
    codes: NDArray[np.int64],
) -> ParsedRows:
    if not kept.all():
        columns = [list(compress(texts, kept.tolist())) for texts in columns]
    codes = codes[kept]
    used, firsts = np.unique(codes, return_index=True)
    in_order = used[np.argsort(firsts)].tolist()
    distinct = tuple(dict.fromkeys(names for code in in_order if (names := label_sets[code]) is not None))
    numbers = {names: number for number, names in enumerate(distinct)}
    number_of = np.array([-1 if names is None else numbers.get(names, -1) for names in label_sets], np.int64)
    indices = np.flatnonzero(kept)
    return ParsedRows(columns, number_of[codes], distinct, dataset.is_multi_label, indices, table.place, split)


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


def _parse_labels(dataset: DatasetSpec, values: Sequence[Any]) -> tuple[list[tuple[str, ...] | None], dict[int, str]]:
    """Return the class names of each value, None if its rows are to be skipped, and a reason for each that is none."""
    label_sets: list[tuple[str, ...] | None] = []
    reasons: dict[int, str] = {}
    for number, value in enumerate(values):
        try:
            names = [_class_name(dataset, label) for label in read_labels(dataset, value)]
        except BadValueError as error:
            label_sets.append(None)
            reasons[number] = str(error)
            continue
        is_skipped = any(name is None for name in names) or not (names or dataset.is_multi_label)
        label_sets.append(None if is_skipped else tuple(dict.fromkeys(map(str, names))))
    return label_sets, reasons


def _class_name(dataset: DatasetSpec, label: str) -> str | None:
    """Return the class name of a label, None if its rows are to be skipped. Raises BadValueError if it is unknown."""
    if not dataset.classes:
        return label
    name = dataset.classes.get(label, label if label in dataset.classes.values() else None)
    if name is None:
        raise BadValueError(f"unknown label in {dataset.label}, got {quote_value(label)}")
    return None if name in dataset.excluded_classes else name
