"""Preprocessing: from the published tables of a data set to the rows that a sweep uses.

Everything that the catalog says about a data set happens here, wherever its tables came from. A row that cannot be used
(no text, no label, a label that the training split does not have, not UTF-8) is never dropped silently: it is either an
error that names the row, or counted in a note.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from sweeper.data.column_checks import require_label_column, require_validation
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.label_checks import describe_unlabelled_test, require_no_measurements
from sweeper.data.row_parsing import Row, parse_rows
from sweeper.data.rows import LabelledTexts, RawTable
from sweeper.data.sampling import hold_out_validation
from sweeper.errors import UnavailableError
from sweeper.wording import quote_value

OnBadRows = Literal["refuse", "drop"]

_MAX_LISTED_ROWS = 50  # bad rows that an error lists


@dataclass(frozen=True)
class PreparedDataset:
    """The rows of each split, the class names in the order of their numbers, and notes for the user, one line each.

    `full_sizes` has the number of rows of a split before `limit` took a part of them.
    """

    splits: Mapping[str, LabelledTexts]
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    full_sizes: Mapping[str, int] = field(default_factory=dict)


def prepare(dataset: DatasetSpec, tables: Mapping[str, RawTable], on_bad_rows: OnBadRows = "refuse") -> PreparedDataset:
    """Return the rows of each split as the catalog describes them, with a validation split if there is none.

    Raises UnavailableError if a column is missing or cannot be the text or the label, if there are fewer than two
    classes, if a split has no rows, or if rows are bad and `on_bad_rows` is "refuse".
    """
    if dataset.column_problem is not None:
        raise UnavailableError(f"data set {dataset.name}: {dataset.column_problem}")
    notes: list[str] = []
    bad_rows: list[str] = []
    reason = describe_unlabelled_test(dataset, tables)
    if reason is not None:
        tables = {split: table for split, table in tables.items() if split != "test"}
        notes.append(f"{reason}, and is left out")
    rows = {split: list(parse_rows(dataset, table, bad_rows)) for split, table in tables.items()}
    class_names = dataset.class_names or tuple(dict.fromkeys(row.label for row in rows["train"]))
    if not dataset.class_names:
        require_no_measurements(dataset, class_names)
        require_label_column(dataset, rows["train"])
        rows = {split: list(_with_known_label(split_rows, class_names, bad_rows)) for split, split_rows in rows.items()}
    if bad_rows and on_bad_rows == "refuse":
        raise _bad_rows_error(dataset, bad_rows)
    if bad_rows:
        notes.insert(0, f"{len(bad_rows):,} rows of {dataset.name} cannot be used and are dropped, first {bad_rows[0]}")
    if not rows["train"]:
        raise _empty_split_error(dataset, "train", bad_rows)
    if len(class_names) < 2:
        listed = quote_value(list(class_names))
        raise UnavailableError(f"data set {dataset.name}: needs at least two classes, got {listed}")
    if "validation" not in rows:
        rows["train"], rows["validation"] = hold_out_validation(rows["train"])
        require_validation(dataset, rows["validation"])
        notes.append(f"no validation split of its own: {len(rows['validation']):,} of the training texts are used")
    for split, split_rows in rows.items():
        if not split_rows:
            raise _empty_split_error(dataset, split, bad_rows)
    splits = {split: _to_labelled_texts(split_rows, class_names) for split, split_rows in rows.items()}
    return PreparedDataset(splits, class_names, tuple(notes))


def content_digest(prepared: PreparedDataset) -> str:
    """Return a digest (16 hex digits) of texts, labels and their order. The format of the source does not matter."""
    return _digest(prepared, sorted(prepared.splits))


def split_summaries(prepared: PreparedDataset) -> dict[str, dict[str, Any]]:
    """Return the number of texts and the digest of each split, and of a part also the number of all rows as `of`."""
    summaries: dict[str, dict[str, Any]] = {}
    for split, rows in prepared.splits.items():
        summaries[split] = {"texts": len(rows), "digest": _digest(prepared, [split])}
        if prepared.full_sizes.get(split, 0) > len(rows):
            summaries[split]["of"] = prepared.full_sizes[split]
    return summaries


def _digest(prepared: PreparedDataset, splits: Iterable[str]) -> str:
    sha = hashlib.sha256(json.dumps(prepared.class_names, ensure_ascii=False).encode())
    for split in splits:
        rows = prepared.splits[split]
        sha.update(json.dumps([split, rows.texts, rows.pairs, rows.labels.tolist()], ensure_ascii=False).encode())
    return sha.hexdigest()[:16]


def _with_known_label(rows: Iterable[Row], class_names: tuple[str, ...], bad_rows: list[str]) -> Iterator[Row]:
    for row in rows:
        if row.label in class_names:
            yield row
        else:
            bad_rows.append(f"{row.place}: the training split does not have this label, got {quote_value(row.label)}")


def _bad_rows_error(dataset: DatasetSpec, bad_rows: list[str]) -> UnavailableError:
    more = [f"and {len(bad_rows) - _MAX_LISTED_ROWS:,} more"] if len(bad_rows) > _MAX_LISTED_ROWS else []
    listed = "\n".join(["", *bad_rows[:_MAX_LISTED_ROWS], *more])
    return UnavailableError(
        f"data set {dataset.name}: {len(bad_rows):,} rows cannot be used; "
        f"correct them, or set on_bad_rows: drop{listed}"
    )


def _empty_split_error(dataset: DatasetSpec, split: str, bad_rows: list[str]) -> UnavailableError:
    first = f"; the first that cannot be used is {bad_rows[0]}" if bad_rows else ""
    return UnavailableError(f"data set {dataset.name}: no row is left in {split}{first}")


def _to_labelled_texts(rows: list[Row], class_names: tuple[str, ...]) -> LabelledTexts:
    numbers = {name: number for number, name in enumerate(class_names)}
    second_texts = [row.texts[1] for row in rows] if len(rows[0].texts) > 1 else None
    classes = np.array([numbers[row.label] for row in rows], dtype=np.int64)
    return LabelledTexts([row.texts[0] for row in rows], classes, second_texts)
