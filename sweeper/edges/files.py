"""A user's own files as tables: json lines, csv, tsv, parquet.

A row that cannot be read is no reason to lose the others: it is kept as broken, with its line. pyarrow reads parquet;
the others are read line by line, for only so can a bad row be named by its line.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.lib
import pyarrow.parquet

from sweeper.errors import UnavailableError
from sweeper.ports import Table

_Read = tuple[str, Mapping[str, Any] | str]  # a row's place, and the row or why it is none


def tables(paths: Mapping[str, str]) -> dict[str, Table]:
    """The file of each split. Raises UnavailableError where one cannot be read at all."""
    return {name: _table(Path(path)) for name, path in paths.items()}


def _table(path: Path) -> Table:
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise UnavailableError(f"{path}: must end in one of {', '.join(_READERS)}, got {path.suffix or 'no ending'}")
    try:
        found = list(read(path))
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (pyarrow.lib.ArrowException, csv.Error) as error:
        raise UnavailableError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    rows = [(place, row) for place, row in found if not isinstance(row, str)]
    columns = dict.fromkeys(column for _, row in rows for column in row)
    return Table(str(path), tuple(columns), rows, [f"{place}: {row}" for place, row in found if isinstance(row, str)])


def _json(path: Path) -> Iterator[_Read]:
    """One JSON array of objects, or an object on each line."""
    if not path.read_bytes().lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        yield from _jsonl(path)
        return
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise UnavailableError(f"{path}: cannot be read: not JSON: {error}") from None
    for number, row in enumerate(rows, start=1):
        yield f"{path}: row {number}", row if isinstance(row, dict) else "not a JSON object"


def _jsonl(path: Path) -> Iterator[_Read]:
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", _object(line)


def _object(line: bytes) -> Mapping[str, Any] | str:
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return "not UTF-8"
    except ValueError:
        return "not JSON"
    return value if isinstance(value, dict) else "not a JSON object"


def _separated(path: Path, separator: str) -> Iterator[_Read]:
    """The rows below the header. Bytes that are no UTF-8 spoil their row alone."""
    text = path.read_bytes().decode("utf-8-sig", errors="surrogateescape")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    header = next(reader, [])
    last = reader.line_num
    for values in reader:
        place, last = f"{path}:{last + 1}", reader.line_num
        if values:
            yield place, _row(header, values)


def _row(header: list[str], values: list[str]) -> Mapping[str, Any] | str:
    if len(values) != len(header):
        return f"has {len(values)} fields, and the header {len(header)}"
    if any("\udc80" <= sign <= "\udcff" for value in values for sign in value):
        return "not UTF-8"
    return dict(zip(header, values, strict=True))


def _parquet(path: Path) -> Iterator[_Read]:
    for number, row in enumerate(pyarrow.parquet.read_table(path).to_pylist(), start=1):
        yield f"{path}: row {number}", row


_READERS = {
    ".jsonl": _jsonl,
    ".json": _json,
    ".csv": lambda path: _separated(path, ","),
    ".tsv": lambda path: _separated(path, "\t"),
    ".parquet": _parquet,
}
