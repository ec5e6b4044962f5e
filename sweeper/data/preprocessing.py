"""From a data set as it was published to the rows that a sweep uses: pure, whichever store the table came from.

What the catalog says of a data set is done here. A row that cannot be used (no text, no label, a label that the
training split does not have, not UTF-8) is never dropped in silence: it is an error that names it, or is counted.
"""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sweeper.data.catalog import DatasetSpec
from sweeper.data.rows import LabelledTexts, RawTable
from sweeper.errors import UnavailableError
from sweeper.wording import allowed_hint, quote_value

OnBadRows = Literal["refuse", "drop"]

_POINT_ZERO = re.compile(r"(?<=\d)\.0+$")  # pandas writes whole numbers so where one is missing
_HELD_OUT = 10  # one row in so many of each class is validation, where a data set has no validation split
_NAMED = 5  # bad rows that are named one by one


@dataclass(frozen=True)
class PreparedDataset:
    """The rows of each split, the class names in the order of their numbers, and what is worth knowing, in lines."""

    splits: Mapping[str, LabelledTexts]
    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    place: str
    texts: tuple[str, ...]
    label: str


def prepare(dataset: DatasetSpec, tables: Mapping[str, RawTable], on_bad_rows: OnBadRows = "refuse") -> PreparedDataset:
    """The rows of each table as the data set's entry in the catalog says, and a validation split where there is none.

    Raises UnavailableError where a column is missing, there are fewer than two classes, or rows are bad and
    `on_bad_rows` is `refuse`.
    """
    unlabelled = {name for name in tables if name == "test" and _unlabelled(dataset, tables[name])}
    tables = {name: table for name, table in tables.items() if name not in unlabelled}
    bad: list[str] = []
    found = {name: list(_rows(dataset, tables[name], bad)) for name in tables}
    labels = dataset.labels or tuple(dict.fromkeys(row.label for row in found["train"]))
    if not dataset.labels:
        found = {name: list(_known(rows, labels, bad)) for name, rows in found.items()}
    if bad and on_bad_rows == "refuse":
        raise _refusal(dataset, bad)
    if len(labels) < 2:
        raise UnavailableError(f"data set {dataset.name}: needs two classes at least, got {quote_value(list(labels))}")
    notes = [_dropped(dataset, bad)] if bad else []
    notes += ["the test split has no labels, and is left out"] if unlabelled else []
    if "validation" not in found:
        found["train"], found["validation"] = _held_out(found["train"])
        notes.append(f"no validation split of its own: {len(found['validation']):,} of the training texts are it")
    for name, rows in found.items():
        if not rows:
            raise UnavailableError(f"data set {dataset.name}: no row is left in {name}")
    splits = {name: _split(rows, labels) for name, rows in found.items()}
    return PreparedDataset(splits, labels, (*notes, *_overlaps(splits)))


def stratified_subset(rows: LabelledTexts, most: int | None) -> LabelledTexts:
    """At most so many of the rows, each class with its share, always the same ones and in their order."""
    if most is None or most >= len(rows):
        return rows
    classes, counts = np.unique(rows.labels, return_counts=True)
    exact = counts * most / len(rows)
    shares = np.floor(exact).astype(int)
    shares[np.argsort(shares - exact, kind="stable")[: most - shares.sum()]] += 1  # the largest remainders
    generator = np.random.default_rng(0)
    drawn = [generator.permutation(np.flatnonzero(rows.labels == k))[:n] for k, n in zip(classes, shares, strict=True)]
    kept = np.sort(np.concatenate(drawn))
    pairs = None if rows.pairs is None else [rows.pairs[k] for k in kept]
    return LabelledTexts([rows.texts[k] for k in kept], rows.labels[kept], pairs)


def content_digest(corpus: PreparedDataset) -> str:
    """A digest of the rows themselves: the same texts and labels in the same order, whatever file they came from."""
    return _digest(corpus, sorted(corpus.splits))


def split_summaries(corpus: PreparedDataset) -> dict[str, dict[str, Any]]:
    """How many texts each split has, and their digest."""
    return {name: {"texts": len(rows), "digest": _digest(corpus, [name])} for name, rows in corpus.splits.items()}


def _digest(corpus: PreparedDataset, splits: Iterable[str]) -> str:
    sha = hashlib.sha256(json.dumps(corpus.labels, ensure_ascii=False).encode())
    for name in splits:
        rows = corpus.splits[name]
        sha.update(json.dumps([name, rows.texts, rows.pairs, rows.labels.tolist()], ensure_ascii=False).encode())
    return sha.hexdigest()[:16]


def _unlabelled(dataset: DatasetSpec, table: RawTable) -> bool:
    """Whether no row of a user's own data has a label: test splits are often published so."""
    return not dataset.classes and not any(_spelt(values.get(dataset.label)) for _, values in table.rows)


def _rows(dataset: DatasetSpec, table: RawTable, bad: list[str]) -> Iterator[_Row]:
    """The rows that count; what is wrong with others goes to `bad`."""
    for column in dataset.columns:
        if column not in table.columns:
            where = allowed_hint(table.columns, column)
            raise UnavailableError(f"data set {dataset.name}: {table.name} needs a column {column}, {where}")
    bad += table.unreadable_rows
    seen: set[Any] = set()
    for place, values in table.rows:
        if any(str(values.get(column)) != value for column, value in dataset.row_filter.items()):
            continue
        if dataset.deduplicate_by is not None:
            key = values.get(dataset.deduplicate_by)
            if key in seen:
                continue
            seen.add(key)
        label, reason = _label(dataset, values.get(dataset.label))
        if label is None and reason is None:
            continue
        texts = tuple(_text(dataset, values.get(column)) for column in dataset.text)
        if any(isinstance(values.get(column), (list, dict)) for column in dataset.text):
            reason = "a list or a mapping for a text"
        elif not _encodes(*texts, label or ""):
            reason = "not UTF-8"
        elif not all(texts):
            reason = f"no text in {dataset.text[texts.index('')]}"
        if reason is not None or label is None:
            bad.append(f"{place}: {reason}")
            continue
        yield _Row(place, texts, label)


def _encodes(*words: str) -> bool:
    """Whether these can be written down: half of a pair of surrogates cannot."""
    try:
        "".join(words).encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(dataset: DatasetSpec, value: Any) -> str:
    """The text, or nothing where there is none."""
    text = "" if value is None or value != value else str(value).strip()
    for written, meant in dataset.replacements.items():
        text = text.replace(written, meant)
    return text


def _label(dataset: DatasetSpec, value: Any) -> tuple[str | None, str | None]:
    """The class name of a row, or what is wrong with it; neither where the row is to be left out."""
    if isinstance(value, (list, tuple, np.ndarray)):
        if dataset.multi_label == "refuse" and len(value) > 1:
            return None, f"several labels in {dataset.label}, got {quote_value(list(value))}"
        if dataset.multi_label == "single" and len(value) > 1:
            return None, None
        value = value[0] if len(value) else None
    written = _spelt(value)
    if not written:
        return None, f"no label in {dataset.label}"
    if not dataset.classes:
        return written, None
    name = dataset.classes.get(written, written if written in dataset.classes.values() else None)
    if name is None:
        return None, f"unknown label in {dataset.label}, got {quote_value(written)}"
    return (None, None) if name in dataset.excluded_classes else (name, None)


def _spelt(value: Any) -> str:
    """A label as a word: 3, 3.0 and "3.0" are one class, a missing one is nothing."""
    if value is None or value != value:
        return ""
    return _POINT_ZERO.sub("", str(value).strip())


def _known(rows: Iterable[_Row], labels: tuple[str, ...], bad: list[str]) -> Iterator[_Row]:
    for row in rows:
        if row.label in labels:
            yield row
        else:
            bad.append(f"{row.place}: a label that the training split does not have, got {quote_value(row.label)}")


def _refusal(dataset: DatasetSpec, bad: list[str]) -> UnavailableError:
    more = [f"and {len(bad) - _NAMED:,} more"] if len(bad) > _NAMED else []
    rows = "\n".join(["", *bad[:_NAMED], *more])
    return UnavailableError(
        f"data set {dataset.name}: {len(bad):,} rows cannot be used; mend them, or set on_bad_rows: drop{rows}"
    )


def _dropped(dataset: DatasetSpec, bad: list[str]) -> str:
    return f"{len(bad):,} rows of {dataset.name} cannot be used and are dropped, the first {bad[0]}"


def _held_out(rows: list[_Row]) -> tuple[list[_Row], list[_Row]]:
    """Training and validation rows: a tenth of each class is drawn, by a seed that is always the same."""
    by_class: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        by_class[row.label].append(number)
    generator = np.random.default_rng(0)
    drawn: set[int] = set()
    for numbers in by_class.values():
        count = round(len(numbers) / _HELD_OUT) or (len(numbers) > 1)
        drawn.update(generator.permutation(numbers)[:count].tolist())
    return [row for k, row in enumerate(rows) if k not in drawn], [row for k, row in enumerate(rows) if k in drawn]


def _split(rows: list[_Row], labels: tuple[str, ...]) -> LabelledTexts:
    numbers = {label: number for number, label in enumerate(labels)}
    second = [row.texts[1] for row in rows] if len(rows[0].texts) > 1 else None
    return LabelledTexts(
        [row.texts[0] for row in rows], np.array([numbers[row.label] for row in rows], dtype=np.int64), second
    )


def _overlaps(splits: Mapping[str, LabelledTexts]) -> Iterator[str]:
    """A line on texts that stand in several splits, and one on texts that have two labels."""
    places: dict[str, set[str]] = defaultdict(set)
    labels: dict[str, set[int]] = defaultdict(set)
    for name, rows in splits.items():
        for text, label in zip(_flat(rows), rows.labels.tolist(), strict=True):
            places[text].add(name)
            labels[text].add(label)
    crossing = Counter(tuple(name for name in splits if name in found) for found in places.values() if len(found) > 1)
    if crossing:
        where = ", ".join(f"{count:,} in {' and '.join(names)}" for names, count in crossing.most_common())
        yield f"texts that stand in several splits, and stay there: {where}"
    several = sum(len(found) > 1 for found in labels.values())
    if several:
        yield f"texts with more than one label, kept with each: {several:,}"


def _flat(rows: LabelledTexts) -> list[str]:
    """The texts as they are compared: without case and extra spaces."""
    pairs = rows.pairs or [""] * len(rows)
    flat: Callable[[str], str] = lambda text: " ".join(text.casefold().split())  # noqa: E731
    return [f"{flat(first)}\t{flat(second)}" for first, second in zip(rows.texts, pairs, strict=True)]
