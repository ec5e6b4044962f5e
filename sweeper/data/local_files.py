"""A user's own files as tables: json lines, csv, tsv, parquet.

A row that cannot be read is no reason to lose the others: it is kept as broken, with its line. pyarrow reads parquet;
the others are read line by line, for only so can a bad row be named by its line.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.lib
import pyarrow.parquet

from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError

_Read = tuple[str, Mapping[str, Any] | str]  # a row's place, and the row or why it is none


def read_tables(paths: Mapping[str, str]) -> dict[str, RawTable]:
    """The file of each split. Raises UnavailableError where one cannot be read at all."""
    return {name: _table(Path(path)) for name, path in paths.items()}


def _table(path: Path) -> RawTable:
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise UnavailableError(f"{path}: must end in one of {', '.join(_READERS)}, got {path.suffix or 'no ending'}")
    try:
        found = list(read(path))
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be read: {error.strerror or error}") from None
    except RecursionError:
        raise UnavailableError(f"{path}: cannot be read: nested too deep") from None
    except (pyarrow.lib.ArrowException, csv.Error) as error:
        raise UnavailableError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    rows = [(place, row) for place, row in found if not isinstance(row, str)]
    broken = [f"{place}: {row}" for place, row in found if isinstance(row, str)]
    if not rows:
        raise UnavailableError(f"{path}: no row can be read, the first: {broken[0]}" if broken else f"{path}: no rows")
    return RawTable(str(path), tuple(dict.fromkeys(column for _, row in rows for column in row)), rows, broken)


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
    quoted = separator == "," or _quotes(text, separator)
    options: dict[str, Any] = {"delimiter": separator, "strict": True}
    reader = csv.reader(
        io.StringIO(text, newline=""), quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, **options
    )
    last = 0
    try:
        header = _header(path, next(reader, []))
        last = reader.line_num
        for values in reader:
            place, last = f"{path}:{last + 1}", reader.line_num
            if values:
                yield place, _row(header, values)
    except csv.Error as error:
        raise csv.Error(f"the row at line {last + 1}: {error}; is a quote left open there?") from None


def _quotes(text: str, separator: str) -> bool:
    """Whether fields are quoted: published tsv files often are not, and a quote in them is a sign like any other."""
    return any(len(field) > 1 and field[0] == field[-1] == '"' for field in re.split(f"[{separator}\\r\\n]+", text))


def _header(path: Path, header: list[str]) -> list[str]:
    if _spoilt(header) or any("\0" in name for name in header):
        raise UnavailableError(f"{path}:1: the header is not UTF-8; save the file as UTF-8")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise UnavailableError(f"{path}:1: has two columns {twice[0]}; rename one of them")
    return header


def _spoilt(values: list[str]) -> bool:
    """Whether bytes that are no UTF-8 were read into these."""
    return any("\udc80" <= sign <= "\udcff" for value in values for sign in value)


def _row(header: list[str], values: list[str]) -> Mapping[str, Any] | str:
    if len(values) != len(header):
        return f"has {len(values)} fields, and the header {len(header)}"
    if _spoilt(values):
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
