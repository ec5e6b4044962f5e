"""A user's own files as tables. To add a file format, add an entry to FORMATS.

A row that cannot be read does not spoil the others: it is listed with its line. Text formats are parsed here, line by
line, because only then can a bad row be named by its line.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError

ParsedRow = tuple[str, Mapping[str, Any] | str]
"""The place of a row, and its values by column, or the reason why it cannot be read."""


@dataclass(frozen=True)
class FileFormat:
    """A file format: its label for messages, and the function that reads the rows of a file.

    The function may raise OSError, csv.Error and UnavailableError.
    """

    label: str
    read_rows: Callable[[Path], Iterator[ParsedRow]]


def read_tables(paths: Mapping[str, str]) -> dict[str, RawTable]:
    """Read the file of each split. Raises UnavailableError if a file cannot be read, or has no readable row."""
    return {split: _read_table(Path(path)) for split, path in paths.items()}


def list_formats() -> str:
    """Return the suffixes and labels of all file formats, for messages and descriptions."""
    return ", ".join(f"{suffix} ({file_format.label})" for suffix, file_format in FORMATS.items())


def _read_table(path: Path) -> RawTable:
    file_format = FORMATS.get(path.suffix.lower())
    if file_format is None:
        raise UnavailableError(
            f"{path}: unknown file format {path.suffix or 'without a suffix'}; allowed: {list_formats()}"
        )
    try:
        parsed = list(file_format.read_rows(path))
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be read: {error.strerror or error}") from None
    except RecursionError:
        raise UnavailableError(f"{path}: cannot be read: nested too deeply") from None
    except csv.Error as error:
        raise UnavailableError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    rows = [(place, row) for place, row in parsed if not isinstance(row, str)]
    unreadable = [f"{place}: {reason}" for place, reason in parsed if isinstance(reason, str)]
    if not rows:
        reason = f"no row can be read, first {unreadable[0]}" if unreadable else "no rows"
        raise UnavailableError(f"{path}: {reason}")
    columns = tuple(dict.fromkeys(column for _, row in rows for column in row))
    return RawTable(str(path), columns, rows, unreadable)


def _read_json(path: Path) -> Iterator[ParsedRow]:
    """Read one JSON array of objects, or one object on each line."""
    if not path.read_bytes().lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        yield from _read_json_lines(path)
        return
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise UnavailableError(f"{path}: cannot be read: not JSON: {error}") from None
    for number, row in enumerate(rows, start=1):
        yield f"{path}: row {number}", row if isinstance(row, dict) else "not a JSON object"


def _read_json_lines(path: Path) -> Iterator[ParsedRow]:
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line.strip():
            yield f"{path}:{number}", _parse_object(line)


def _parse_object(line: bytes) -> Mapping[str, Any] | str:
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return "not UTF-8"
    except ValueError:
        return "not JSON"
    return value if isinstance(value, dict) else "not a JSON object"


def _read_csv(path: Path) -> Iterator[ParsedRow]:
    text = _decode(path)
    return _read_delimited(path, csv.reader(io.StringIO(text, newline=""), strict=True))


def _read_tsv(path: Path) -> Iterator[ParsedRow]:
    """Read a tsv file. Published ones often do not quote their fields; a quote is then a character like any other."""
    text = _decode(path)
    is_quoted = any(len(field) > 1 and field[0] == field[-1] == '"' for field in re.split("[\t\r\n]+", text))
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter="\t",
        quoting=csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE,
        strict=True,
    )
    return _read_delimited(path, reader)


def _decode(path: Path) -> str:
    """Return the text of a file. Bytes that are not UTF-8 become surrogates, so they spoil only their own row."""
    return path.read_bytes().decode("utf-8-sig", errors="surrogateescape")


def _read_delimited(path: Path, reader: Any) -> Iterator[ParsedRow]:
    """Yield the rows below the header. A row of several lines is named by its first."""
    last_line = 0
    try:
        header = _checked_header(path, next(reader, []))
        last_line = reader.line_num
        for fields in reader:
            place, last_line = f"{path}:{last_line + 1}", reader.line_num
            if fields:
                yield place, _parse_fields(header, fields)
    except csv.Error as error:
        raise csv.Error(f"the row at line {last_line + 1}: {error}; is a quote left open there?") from None


def _checked_header(path: Path, header: list[str]) -> list[str]:
    if _has_undecoded_bytes(header) or any("\0" in name for name in header):
        raise UnavailableError(f"{path}:1: the header is not UTF-8; save the file as UTF-8")
    duplicates = [name for name in header if header.count(name) > 1]
    if duplicates:
        raise UnavailableError(f"{path}:1: has two columns {duplicates[0]}; rename one of them")
    return header


def _parse_fields(header: list[str], fields: list[str]) -> Mapping[str, Any] | str:
    if len(fields) != len(header):
        return f"has {len(fields)} fields, but the header has {len(header)}"
    if _has_undecoded_bytes(fields):
        return "not UTF-8"
    return dict(zip(header, fields, strict=True))


def _has_undecoded_bytes(fields: list[str]) -> bool:
    """Return True if `_decode` met bytes that are not UTF-8 in one of the fields."""
    return any("\udc80" <= character <= "\udcff" for field in fields for character in field)


def _read_parquet(path: Path) -> Iterator[ParsedRow]:
    import pyarrow.lib  # only here, because search_space imports this module and must start quickly
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except pyarrow.lib.ArrowException as error:
        raise UnavailableError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    for number, row in enumerate(rows, start=1):
        yield f"{path}: row {number}", row


FORMATS: Mapping[str, FileFormat] = {
    ".jsonl": FileFormat("JSON lines", _read_json_lines),
    ".json": FileFormat("JSON array or lines", _read_json),
    ".csv": FileFormat("comma-separated", _read_csv),
    ".tsv": FileFormat("tab-separated", _read_tsv),
    ".parquet": FileFormat("Parquet", _read_parquet),
}
