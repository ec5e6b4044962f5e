"""Reading of JSON files: one object on each line, or one array of objects. A broken row does not end the reading."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from sweeper.data.delimited_records import LINE_END, UNDECODED
from sweeper.data.packed_files import SourceFile
from sweeper.data.rows import RawTable
from sweeper.data.table_columns import find_columns, shown_names
from sweeper.errors import UnavailableError

ParsedRow = tuple[str, Mapping[str, Any] | str]
"""The place of a row, and its values by key, or the reason why it cannot be read."""

_BLANKS = re.compile(r"[ \t\r\n]*")
_NEXT_OBJECT = re.compile(r"[\r\n][ \t]*(?=\{)")


def read_json_lines(source: SourceFile, wanted: Sequence[str]) -> RawTable:
    """Read one JSON object on each line."""
    return _to_table(source, wanted, _parse_lines(source, source.decode()))


def read_json(source: SourceFile, wanted: Sequence[str]) -> RawTable:
    """Read one JSON array of objects, or one object on each line.

    Raises UnavailableError if the file is one object over several lines.
    """
    text = source.decode()
    start = _skip_blanks(text, 0)
    if text.startswith("[", start):
        return _to_table(source, wanted, _parse_array(source, text, start + 1))
    table = _to_table(source, wanted, _parse_lines(source, text))
    if not table.rows and isinstance(_parse(text), dict):
        raise UnavailableError(
            f"{source.path}: is one JSON object; write an array of objects, or an object on each line"
        )
    return table


def _to_table(source: SourceFile, wanted: Sequence[str], parsed: Iterable[ParsedRow]) -> RawTable:
    parsed = list(parsed)
    bad_rows = [f"{place}: {reason}" for place, reason in parsed if isinstance(reason, str)]
    rows = [(place, row) for place, row in parsed if not isinstance(row, str)]
    names = list(dict.fromkeys(chain.from_iterable(row for _, row in rows)))
    found = find_columns(source.path, names, wanted)
    keys = {column: names[index] for column, index in found.items()}
    if any(column != key for column, key in keys.items()):
        rows = [(place, {column: row.get(key) for column, key in keys.items()}) for place, row in rows]
    return RawTable(str(source.path), shown_names(names, found), rows, bad_rows)


def _parse_lines(source: SourceFile, text: str) -> Iterator[ParsedRow]:
    has_undecoded = UNDECODED.search(text) is not None
    lines = LINE_END.split(text) if "\r" in text else text.split("\n")
    for number, line in enumerate(lines, start=1):
        if has_undecoded and UNDECODED.search(line):
            yield f"{source.path}:{number}", "not UTF-8"
        elif line and not line.isspace():
            row = _parse(line)
            yield f"{source.path}:{number}", row if isinstance(row, (dict, str)) else "not a JSON object"


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


def _parse_array(source: SourceFile, text: str, position: int) -> Iterator[ParsedRow]:
    """Yield the elements of the array that begins before `position`. After a broken one, go on at the next object."""
    decoder = json.JSONDecoder()
    line, counted, number = 1, 0, 0
    position = _skip_blanks(text, position)
    if text.startswith("]", position):
        return
    while True:
        number += 1
        line, counted = line + text.count("\n", counted, position), position
        place = f"{source.path}:{line}: row {number}"
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            yield place, _describe(error)
            following = _NEXT_OBJECT.search(text, position)
        else:
            row = value if isinstance(value, dict) else "not a JSON object"
            yield place, "not UTF-8" if UNDECODED.search(text, position, end) else row
            end = _skip_blanks(text, end)
            if text.startswith("]", end):
                return
            if text.startswith(",", end):
                position = _skip_blanks(text, end + 1)
                continue
            yield place, "not JSON (no comma and no ] after it)"
            following = _NEXT_OBJECT.search(text, end - 1)
        if following is None:
            return
        position = following.end()


def _skip_blanks(text: str, position: int) -> int:
    blanks = _BLANKS.match(text, position)
    return blanks.end() if blanks else position
