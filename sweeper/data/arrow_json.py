"""Reading of JSON with pyarrow, where each row is an object whose values are of the same kinds as those of the first.

pyarrow tells no line numbers, and is stricter than the json module in some things and laxer in others. So the functions
return None for everything that is not plain, and json_files reads that row by row.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sweeper.data.rows import Column

_MAX_SIZE = 2**31 - 2**20  # bytes of a file
_BLOCK_SIZE = 1 << 24  # bytes; no line may be longer
_MAX_EXACT = 2**53  # as floats, larger whole numbers are not exact
_INFINITY = re.compile(rb"Inf(?=[\s,\]}])(?<=[:\[,\s-]Inf)")  # a number that pyarrow takes and the json module does not
_ROWS = "rows"


def parse_object_lines(
    content: bytes, first: Mapping[str, Any], wanted_columns: Sequence[str]
) -> dict[str, Column] | None:
    """Return the wanted columns of a file with one object on each line, of which `first` is the first."""
    import pyarrow
    import pyarrow.json

    kinds = _kinds(first, wanted_columns)
    if not kinds or not _is_plain(content) or not _has_an_object_on_each_line(content):
        return None
    try:
        table = pyarrow.json.read_json(
            pyarrow.BufferReader(content),
            pyarrow.json.ReadOptions(block_size=_BLOCK_SIZE),
            pyarrow.json.ParseOptions(pyarrow.schema(kinds), unexpected_field_behavior="ignore"),
        )
    except (pyarrow.lib.ArrowException, UnicodeDecodeError):
        return None
    is_complete = table.num_rows == content.count(b"\n") + (not content.endswith(b"\n"))
    return _exact_columns(table, wanted_columns) if is_complete else None


def parse_object_array(
    content: bytes, first: Mapping[str, Any], wanted_columns: Sequence[str]
) -> dict[str, Column] | None:
    """Return the wanted columns of an array of objects, of which `first` is the first. `content` begins with its [."""
    import pyarrow
    import pyarrow.json

    kinds = _kinds(first, wanted_columns)
    if not kinds or not _is_plain(content):
        return None
    wrapped = b"".join([b'{"', _ROWS.encode(), b'":', content, b"}"])
    schema = pyarrow.schema({_ROWS: pyarrow.list_(pyarrow.struct(kinds.items()))})
    try:
        table = pyarrow.json.read_json(
            pyarrow.BufferReader(wrapped),
            pyarrow.json.ReadOptions(block_size=len(wrapped) + 1),
            pyarrow.json.ParseOptions(schema, newlines_in_values=True, unexpected_field_behavior="ignore"),
        )
    except (pyarrow.lib.ArrowException, UnicodeDecodeError):
        return None
    if table.num_rows != 1:
        return None
    rows = table.column(_ROWS).combine_chunks().flatten()
    if rows.null_count:
        return None
    return _exact_columns(pyarrow.Table.from_struct_array(rows), wanted_columns)


def _kinds(first: Mapping[str, Any], wanted_columns: Sequence[str]) -> dict[str, Any]:
    """Return pyarrow's types of the wanted values of a row; none if one is missing or neither a string nor a number."""
    import pyarrow

    kinds = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    types = {column: type(first.get(column)) for column in wanted_columns}
    return {column: kinds[kind] for column, kind in types.items()} if kinds.keys() >= set(types.values()) else {}


def _is_plain(content: bytes) -> bool:
    """Return True if a file is UTF-8 of a moderate size, in which both readers take the same numbers."""
    if len(content) > _MAX_SIZE:
        return False
    if b"-NaN" in content or _INFINITY.search(content):
        return False
    try:
        return content.isascii() or bool(content.decode())
    except UnicodeDecodeError:
        return False


def _has_an_object_on_each_line(content: bytes) -> bool:
    """Return True if each line begins with { and ends with }, so that no object goes on in the next line."""
    if content.count(b"\r") != content.count(b"\r\n"):
        return False
    data = np.frombuffer(content, np.uint8)
    feeds = np.flatnonzero(data == ord("\n"))
    starts = np.concatenate([[0], feeds + 1])
    ends = np.append(feeds, len(data)) - 1
    if content.endswith(b"\n"):
        starts, ends = starts[:-1], ends[:-1]
    ends = ends - (data[ends] == ord("\r"))
    return bool((data[starts] == ord("{")).all() and (data[ends] == ord("}")).all())


def _exact_columns(table: Any, wanted_columns: Sequence[str]) -> dict[str, Column] | None:
    """Return the wanted columns, or None if floats may stand for other numbers than are written."""
    import pyarrow
    import pyarrow.compute

    for column in wanted_columns:
        values = table.column(column)
        if pyarrow.types.is_floating(values.type):
            bounds = pyarrow.compute.min_max(pyarrow.compute.abs(values)).as_py()
            is_exact = pyarrow.compute.all(pyarrow.compute.is_finite(values)).as_py()
            if not is_exact or bounds["max"] >= _MAX_EXACT:
                return None
    return {column: table.column(column) for column in wanted_columns}
