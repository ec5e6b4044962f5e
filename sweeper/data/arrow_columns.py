"""Columns with pyarrow: their texts, their different values, and the numbering of equal texts.

A row is handled in Python only if its text has letters beyond ASCII, or its value is no string. pyarrow is imported
inside the functions, so that commands that read no data start quickly.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.data.cell_values import BadValueError, to_text
from sweeper.data.rows import Column

_BLANKS = " \t\n\v\f\r\x1c\x1d\x1e\x1f"  # the characters of ASCII that str.strip and str.split take
_UNEVEN_BLANKS = "^ | $|  |[\\t\\n\\v\\f\\r\\x1c-\\x1f]"


@dataclass(frozen=True)
class TextColumn:
    """The texts of a column, without spaces around them; "" where there is none. `problems` has a reason by row."""

    texts: list[str]
    problems: dict[int, str] = field(default_factory=dict)


def read_texts(values: Column, column: str) -> TextColumn:
    """Return the values of a column as texts, as `to_text` reads each. `column` is its name, for the reasons."""
    import pyarrow.compute

    strings = _to_strings(values)
    if strings is None:
        result = TextColumn([""] * len(values))
        _read_one_by_one(result, enumerate(list_values(values)), column)
        return result
    is_plain = pyarrow.compute.and_not(
        pyarrow.compute.string_is_ascii(strings), pyarrow.compute.match_substring(strings, "\0")
    )
    trimmed = pyarrow.compute.ascii_trim(strings, _BLANKS)
    result = TextColumn(pyarrow.compute.if_else(is_plain, trimmed, "").fill_null("").to_pylist())
    needs_care = pyarrow.compute.invert(is_plain)  # null for null
    encoded = strings.filter(needs_care).cast(pyarrow.large_binary()).to_pylist()
    _read_one_by_one(result, zip(_true_indices(needs_care), encoded, strict=True), column)
    return result


def list_values(values: Column) -> list[Any]:
    """Return the values of a column as a list. Strings that are not UTF-8 are bytes."""
    import pyarrow

    if isinstance(values, list):
        return values
    try:
        return list(values.to_pylist())
    except UnicodeDecodeError:
        return list(values.cast(pyarrow.large_binary()).to_pylist())


def distinct_values(values: Column) -> tuple[NDArray[np.int64], list[Any]]:
    """Return the number of each row's value, (N,), and the different values by number, in order of appearance.

    Strings are returned as bytes, because they may be other than UTF-8.
    """
    import pyarrow

    strings = _to_strings(values)
    values = values if strings is None else strings.cast(pyarrow.large_binary())
    if isinstance(values, list):
        return _number_values(values)
    try:
        encoded = values.combine_chunks().dictionary_encode(null_encoding="encode")
    except (pyarrow.lib.ArrowException, AttributeError):
        return _number_values(list_values(values))
    return _to_numbers(encoded.indices), list(encoded.dictionary.to_pylist())


def number_equal_texts(splits: Sequence[Sequence[list[str]]], fold: Callable[[str], str]) -> list[NDArray[np.int64]]:
    """Return a number for each row, by split, (N,). Rows whose folded texts are equal have the same number.

    Each split has a list of texts for each text column. `fold` makes a text comparable: case folded, and one space
    between words. The numbers count from 0 in order of appearance.
    """
    import pyarrow
    import pyarrow.compute

    tab = pyarrow.scalar("\t", pyarrow.large_string())
    folded = [[_fold_texts(texts, fold) for texts in split] for split in splits]
    chunks = [pyarrow.compute.binary_join_element_wise(*columns, tab) for columns in folded]
    encoded = pyarrow.concat_arrays(chunks).dictionary_encode()
    return np.split(_to_numbers(encoded.indices), np.cumsum([len(chunk) for chunk in chunks])[:-1])


def _fold_texts(texts: list[str], fold: Callable[[str], str]) -> Any:
    import pyarrow
    import pyarrow.compute

    strings = pyarrow.array(texts, pyarrow.large_string())
    is_even = pyarrow.compute.and_not(
        pyarrow.compute.string_is_ascii(strings), pyarrow.compute.match_substring_regex(strings, _UNEVEN_BLANKS)
    )
    needs_care = pyarrow.compute.invert(is_even)
    careful = [fold(texts[index]) for index in _true_indices(needs_care)]
    return pyarrow.compute.replace_with_mask(
        pyarrow.compute.ascii_lower(strings), needs_care, pyarrow.array(careful, pyarrow.large_string())
    )


def _to_strings(values: Column) -> Any:
    """Return a column of strings or bytes as large strings, which may be other than UTF-8; None for other columns."""
    import pyarrow
    import pyarrow.compute

    if isinstance(values, list):
        return None
    types = pyarrow.types
    kind = values.type.value_type if types.is_dictionary(values.type) else values.type
    is_text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    is_bytes = types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)
    if not (is_text or is_bytes or types.is_fixed_size_binary(kind)):
        return None
    options = pyarrow.compute.CastOptions(pyarrow.large_string(), allow_invalid_utf8=True)
    return pyarrow.compute.cast(values.cast(kind), options=options)


def _read_one_by_one(result: TextColumn, rows: Iterable[tuple[int, Any]], column: str) -> None:
    """Read some values, with their rows, into the texts and problems of a column."""
    for index, value in rows:
        try:
            result.texts[index] = to_text(value, column, "text")
        except BadValueError as error:
            result.problems[index] = str(error)


def _number_values(values: list[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Number the different values of a list. A value that cannot be looked up, such as a list, is one of its own."""
    numbers: dict[object, int] = {}
    distinct: list[Any] = []
    codes = np.empty(len(values), np.int64)
    for index, value in enumerate(values):
        is_plain = value is None or isinstance(value, (str, bytes, bool, int, float))
        key = (type(value), value) if is_plain else (index,)
        codes[index] = number = numbers.setdefault(key, len(distinct))
        if number == len(distinct):
            distinct.append(value)
    return codes, distinct


def _true_indices(mask: Any) -> list[int]:
    """Return the rows where a column is true, not null."""
    import pyarrow.compute

    return list(pyarrow.compute.indices_nonzero(mask).to_pylist()) if len(mask) else []  # it crashes without chunks


def _to_numbers(codes: Any) -> NDArray[np.int64]:
    """Return the numbers of a column without nulls."""
    numbers: NDArray[np.int64] = codes.to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers
