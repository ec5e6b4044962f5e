"""Reading of JSON files: one object on each line, or one array of objects. A broken row does not end the reading.

pyarrow reads the files in which nothing is unusual, and the json module the others.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, count
from typing import Any

from sweeper.data.arrow_json import parse_object_array, parse_object_lines
from sweeper.data.delimited_records import LINE_END, UNDECODED
from sweeper.data.packed_files import SourceFile
from sweeper.data.rows import Column, RawTable
from sweeper.data.table_columns import find_column_indices, shown_names
from sweeper.errors import UnavailableError

ParsedRow = tuple[str, Mapping[str, Any] | str]
"""The place of a row in its file, and its values by key, or the reason why it cannot be read."""

_BLANKS = re.compile(r"[ \t\r\n]*")
_NEXT_OBJECT = re.compile(r"(?:[\r\n}](?:[ \t]*,)?|\](?:\s*,)?\s*\[)[ \t]*(?=\{)")
_LATER_OBJECT = re.compile(r"\{[^}]*\}[^{]*\{|[^{]+\{")  # after an element, which may be an object itself
_MAX_FIRST = 1 << 24  # bytes of the first row of an array that pyarrow reads


def read_json_lines(source: SourceFile, wanted_columns: Sequence[str]) -> RawTable:
    """Read one JSON object on each line."""
    content = source.content.removeprefix(BOM_UTF8)
    if content[-2:].isspace():
        content = content.rstrip(b" \t\r\n")
    first_line = content[: content.find(b"\n") if b"\n" in content else None]
    first = _parse(first_line.decode(errors="replace"))
    columns = parse_object_lines(content, first, wanted_columns) if isinstance(first, dict) else None
    if columns is not None:
        return _plain_table(source, first, columns, lambda index: str(index + 1))
    return _to_table(source, wanted_columns, _parse_lines(*source.decode()))


def read_json(source: SourceFile, wanted_columns: Sequence[str]) -> RawTable:
    """Read one JSON array of objects, or one object on each line.

    Raises UnavailableError if the file is one object over several lines, or rows of an array would be lost.
    """
    content = source.content.removeprefix(BOM_UTF8).lstrip(b" \t\r\n")
    if content.startswith(b"["):
        return _read_array(source, wanted_columns, content)
    table = read_json_lines(source, wanted_columns)
    if len(table) <= 1 and _is_one_object(_parse(source.decode().text), len(table)):
        raise UnavailableError(
            f"{source.path}: is one JSON object; write an array of objects, or an object on each line"
        )
    return table


def _is_one_object(value: Any, rows: int) -> bool:
    """Return True for one JSON object that is no row: it has several lines, so that none was read, or holds lists."""
    return isinstance(value, dict) and (not rows or any(isinstance(inner, list) for inner in value.values()))


def _read_array(source: SourceFile, wanted_columns: Sequence[str], content: bytes) -> RawTable:
    try:
        start = content[:_MAX_FIRST].decode(errors="replace")
        first, _ = json.JSONDecoder().raw_decode(start, _skip_blanks(start, 1))
    except (ValueError, RecursionError):
        first = None
    columns = parse_object_array(content, first, wanted_columns) if isinstance(first, dict) else None
    if columns is not None:
        places = cache(lambda: [place for place, _ in _parse_array(source)])  # only if a row is named
        return _plain_table(source, first, columns, lambda index: places()[index])
    return _to_table(source, wanted_columns, _parse_array(source))


def _plain_table(
    source: SourceFile, first: Mapping[str, Any], columns: Mapping[str, Column], place: Callable[[int], str]
) -> RawTable:
    """Return the table of columns that pyarrow has read. `first` is the first row, in which all of them are."""
    names = list(first)
    column_indices = {column: names.index(column) for column in columns}
    size = len(next(iter(columns.values())))
    return RawTable(
        str(source.path),
        shown_names(names, column_indices),
        columns,
        size,
        lambda index: f"{source.path}:{place(index)}",
    )


def _to_table(source: SourceFile, wanted_columns: Sequence[str], parsed: Iterable[ParsedRow]) -> RawTable:
    places: list[str] = []
    rows: list[Mapping[str, Any]] = []
    bad_rows: list[str] = []
    for place, row in parsed:
        if isinstance(row, str):
            bad_rows.append(f"{source.path}:{place}: {row}")
        else:
            places.append(place)
            rows.append(row)
    names = list(dict.fromkeys(chain.from_iterable(rows)))
    column_indices = find_column_indices(source.path, names, wanted_columns)
    return RawTable(
        name=str(source.path),
        columns=shown_names(names, column_indices),
        values={column: [row.get(names[index]) for row in rows] for column, index in column_indices.items()},
        size=len(rows),
        place=lambda index: f"{source.path}:{places[index]}",
        unreadable_rows=bad_rows,
    )


def _parse_lines(text: str, is_utf8: bool) -> Iterator[ParsedRow]:
    lines = LINE_END.split(text) if "\r" in text else text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not is_utf8 and UNDECODED.search(line):
            yield str(number), "not UTF-8"
        elif line and not line.isspace():
            row = _parse(line)
            yield str(number), row if isinstance(row, (dict, str)) else "not a JSON object"


def _parse(text: str) -> Any:
    """Return the value of a JSON text, or the reason why it is none. A string is never a row, so it is a reason too."""
    try:
        value = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        return _describe(error)
    return "not a JSON object" if isinstance(value, str) else value


def _describe(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"not JSON ({error.msg}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else "not JSON"


def _parse_array(source: SourceFile) -> Iterator[ParsedRow]:
    """Yield the elements of an array. After a broken one, go on at the next object.

    Raises UnavailableError if rows would be lost, which `on_bad_rows: drop` does not allow either.
    """
    text, decoder = source.decode().text, json.JSONDecoder()
    line, counted, broken = 1, 0, ""
    position = _skip_blanks(text, _skip_blanks(text, 0) + 1)
    if text.startswith("]", position):
        _require_end(source, text, position + 1, broken)
        return
    for number in count(1):
        line, counted = line + text.count("\n", counted, position), position
        place = f"{line}: row {number}"
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            reason, read_until = _describe(error), getattr(error, "pos", position)
        else:
            row = value if isinstance(value, dict) else "not a JSON object"
            yield place, "not UTF-8" if UNDECODED.search(text, position, end) else row
            read_until = _skip_blanks(text, end)
            if text.startswith("]", read_until):
                _require_end(source, text, read_until + 1, broken)
                return
            if text.startswith(",", read_until):
                position = _skip_blanks(text, read_until + 1)
                continue
            reason = "not JSON (no comma and no ] after it)"
        yield place, reason
        broken = broken or f"{source.path}:{place}: {reason}"
        following = _find_object(text, read_until)
        if following is None:
            if _LATER_OBJECT.match(text, position):
                raise _lost_rows_error(broken)
            return
        position = following


def _find_object(text: str, position: int) -> int | None:
    """Return where the next row may begin: here, on a new line, or after the end of a row or an array."""
    if text.startswith("{", position):
        return position
    match = _NEXT_OBJECT.search(text, position)
    return match.end() if match else None


def _require_end(source: SourceFile, text: str, position: int, broken: str) -> None:
    """Raise UnavailableError if something follows the ] of an array: more rows, or the rest of the row in `broken`."""
    following = _skip_blanks(text, position)
    if following == len(text):
        return
    if broken:
        raise _lost_rows_error(broken)
    line = text.count("\n", 0, following) + 1
    raise UnavailableError(
        f"{source.path}:{line}: something follows the array; write one array of objects, or an object on each line"
    )


def _lost_rows_error(broken: str) -> UnavailableError:
    return UnavailableError(f"{broken}, and where the next row begins cannot be told; correct it")


def _skip_blanks(text: str, position: int) -> int:
    blanks = _BLANKS.match(text, position)
    return blanks.end() if blanks else position
