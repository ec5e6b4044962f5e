"""Preprocessing: from the published tables of a data set to the rows that a sweep uses.

Everything that the catalog says about a data set happens here, wherever its tables came from. A row that cannot be used
(no text, no label, a label that the training split does not have, not UTF-8) is never dropped silently: it is either an
error that names the row, or counted in a note.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sweeper.data.bad_rows import SAVE_AS_UTF8, BadRows, are_undecoded
from sweeper.data.column_checks import require_label_column, require_validation
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.label_checks import describe_unlabelled_test, in_label_order, require_no_measurements
from sweeper.data.row_parsing import ParsedRows, parse_rows
from sweeper.data.rows import LabelledTexts, RawTable
from sweeper.data.sampling import hold_out_validation
from sweeper.errors import UnavailableError
from sweeper.wording import count_noun, quote_value

OnBadRows = Literal["refuse", "drop"]

_TEXTS_AT_ONCE = 10_000
_DELETE = "\x7f"  # a character that hardly any text has, and that JSON does not escape


@dataclass(frozen=True)
class PreparedDataset:
    """The rows of each split, the class names in the order of their numbers, and notes for the user, one line each.

    `full_sizes` has the number of rows of a split before `limit` took a part of them. `left_out_of_test` has a line for
    each reason why test rows are left out.
    """

    splits: Mapping[str, LabelledTexts]
    class_names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    full_sizes: Mapping[str, int] = field(default_factory=dict)
    left_out_of_test: tuple[str, ...] = ()


def prepare(dataset: DatasetSpec, tables: Mapping[str, RawTable], on_bad_rows: OnBadRows = "refuse") -> PreparedDataset:
    """Return the rows of each split as the catalog describes them, with a validation split if there is none.

    Raises UnavailableError if a column is missing or cannot be the text or the label, if there are fewer than two
    classes, if a split has no rows, or if rows are bad and `on_bad_rows` is "refuse".
    """
    if dataset.column_problem is not None:
        raise UnavailableError(f"data set {dataset.name}: {dataset.column_problem}")
    notes: list[str] = []
    bad_rows = BadRows()
    reason = describe_unlabelled_test(dataset, tables)
    if reason is not None:
        tables = {split: table for split, table in tables.items() if split != "test"}
        notes.append(f"{reason}, and is left out")
    parsed = {split: parse_rows(dataset, split, table, bad_rows) for split, table in tables.items()}
    class_names = dataset.class_names or _classes_of_labels(dataset, parsed["train"])
    splits = {split: rows.with_classes(class_names, bad_rows) for split, rows in parsed.items()}
    if bad_rows.count and on_bad_rows == "refuse":
        raise _bad_rows_error(dataset, bad_rows)
    if bad_rows.count:
        notes[:0] = [f"{bad_rows.count:,} rows of {dataset.name} cannot be used and are dropped", *bad_rows.listed()]
    if not len(splits["train"]):
        raise _empty_split_error(dataset, "train", bad_rows)
    if len(class_names) < 2:
        listed = quote_value(list(class_names))
        rule = f"needs at least two classes, got {listed}"
        raise UnavailableError(f"data set {dataset.name}: {rule}; see whether {dataset.label} is the label")
    if "validation" not in splits:
        splits["train"], splits["validation"] = hold_out_validation(splits["train"])
        require_validation(dataset, splits["validation"])
        notes.append(f"no validation split of its own: {len(splits['validation']):,} of the training texts are used")
    for split, rows in splits.items():
        if not len(rows):
            raise _empty_split_error(dataset, split, bad_rows)
    left_out = tuple(bad_rows.describe_left_out("test", len(splits["test"]))) if "test" in splits else ()
    return PreparedDataset(splits, class_names, tuple(notes), left_out_of_test=left_out)


def _classes_of_labels(dataset: DatasetSpec, train: ParsedRows) -> tuple[str, ...]:
    """Return the classes of the training split, for a data set whose classes nobody has named."""
    class_names = in_label_order(dataset, train.label_names)
    require_no_measurements(dataset, class_names)
    require_label_column(dataset, train)
    return class_names


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
        for piece in _as_json(split, rows):
            sha.update(piece.encode())
    return sha.hexdigest()[:16]


def _as_json(split: str, rows: LabelledTexts) -> Iterator[str]:
    """Yield the pieces of the JSON text [split, texts, pairs, labels]."""
    yield f"[{json.dumps(split)}, "
    yield from _list_as_json(rows.texts)
    yield ", "
    yield from ["null"] if rows.pairs is None else _list_as_json(rows.pairs)
    yield f", {json.dumps(rows.labels.tolist())}]"


def _list_as_json(texts: Sequence[str]) -> Iterator[str]:
    """Yield the pieces of the JSON text of a list. Each is made from many texts at once."""
    yield "["
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        piece = texts[start : start + _TEXTS_AT_ONCE]
        joined = json.dumps(_DELETE.join(piece), ensure_ascii=False)
        if joined.count(_DELETE) == len(piece) - 1:
            joined = joined.replace(_DELETE, '", "')
        else:
            joined = json.dumps(piece, ensure_ascii=False)[1:-1]
        yield f", {joined}" if start else joined
    yield "]"


def _bad_rows_error(dataset: DatasetSpec, bad_rows: BadRows) -> UnavailableError:
    listed = "\n".join(["", *bad_rows.listed()])
    remedy = f"correct them, {SAVE_AS_UTF8}" if are_undecoded(bad_rows.lines) else "correct them"
    return UnavailableError(
        f"data set {dataset.name}: {count_noun(bad_rows.count, 'row', form=',')} cannot be used; "
        f"{remedy}, or set on_bad_rows: drop{listed}"
    )


def _empty_split_error(dataset: DatasetSpec, split: str, bad_rows: BadRows) -> UnavailableError:
    first = f"; the first that cannot be used is {bad_rows.lines[0]}" if bad_rows.count else ""
    return UnavailableError(f"data set {dataset.name}: no row is left in {split}{first}; correct its rows")
