"""The rows to predict: from a data file or from lines. They are read and cleaned as the texts of a training are."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sweeper.data.arrow_columns import list_values
from sweeper.data.bad_rows import SAVE_AS_UTF8, are_undecoded
from sweeper.data.cell_values import BadValueError, to_text
from sweeper.data.local_files import read_tables
from sweeper.errors import UsageError
from sweeper.wording import allowed_hint

_MAX_NAMED = 3  # bad rows in a message


def clean_text(text: str, replacements: Mapping[str, str]) -> str:
    """Return a text as the training saw it: without spaces around it, in composed Unicode, with the replacements."""
    text = unicodedata.normalize("NFC", text).strip()
    for old, new in replacements.items():
        text = text.replace(old, new)
    return text


def read_rows(
    path: Path, columns: Sequence[str], replacements: Mapping[str, str], *, skip_bad_rows: bool
) -> list[tuple[str, ...]]:
    """Return the texts of each row of a file. Labels are not needed, and not read.

    Raises UsageError if the file cannot be read or lacks a column, or if a row has no text: with `skip_bad_rows`, such
    rows are left out.
    """
    table = read_tables({"texts": str(path)}, columns)["texts"]
    for column in columns:
        if column not in table.columns:
            hint = allowed_hint(table.columns, column)
            raise UsageError(f"{path}: has no column {column}, {hint}; --text COLUMN names the column of the texts")
    rows = zip(*(list_values(table.values[column]) for column in columns), strict=True)
    cells = ((table.place(index), list(zip(row, columns, strict=True))) for index, row in enumerate(rows))
    return _clean_rows(str(path), cells, replacements, list(table.unreadable_rows), skip_bad_rows=skip_bad_rows)


def parse_text_rows(
    text: str, columns: Sequence[str], replacements: Mapping[str, str], *, skip_bad_rows: bool
) -> list[tuple[str, ...]]:
    """Return the texts of each line. The two texts of a pair are separated by a tab. Raises UsageError."""
    cells, bad = [], []
    text = text.removeprefix("\ufeff")
    if not text:
        raise UsageError("stdin: has no lines; give one for each text, or name a file of texts")
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        parts = line.rstrip("\r").split("\t") if len(columns) > 1 else [line]
        if len(parts) == len(columns):
            cells.append((f"line {number}", list(zip(parts, columns, strict=True))))
        else:
            bad.append(f"line {number}: needs {len(columns)} texts with a tab between them, got {len(parts)}")
    return _clean_rows("stdin", cells, replacements, bad, skip_bad_rows=skip_bad_rows)


def _clean_rows(
    source: str,
    rows: Iterable[tuple[str, Sequence[tuple[object, str]]]],
    replacements: Mapping[str, str],
    bad_rows: list[str],
    *,
    skip_bad_rows: bool,
) -> list[tuple[str, ...]]:
    usable = []
    for place, cells in rows:
        try:
            texts = tuple(clean_text(to_text(value, column, "text"), replacements) for value, column in cells)
        except BadValueError as error:
            bad_rows.append(f"{place}: {error}")
            continue
        if all(texts):
            usable.append(texts)
        else:
            bad_rows.append(f"{place}: no text in {cells[texts.index('')][1]}")
    if bad_rows and not skip_bad_rows:
        more = f" and {len(bad_rows) - _MAX_NAMED} more" if len(bad_rows) > _MAX_NAMED else ""
        named = "; ".join(bad_rows[:_MAX_NAMED])
        encode = f"{SAVE_AS_UTF8}; " if are_undecoded(bad_rows) else ""
        raise UsageError(f"{source}: some rows cannot be used: {named}{more}; {encode}--skip-bad-rows leaves them out")
    if not usable:
        raise UsageError(f"{source}: has no text; give it one in each row")
    return usable
