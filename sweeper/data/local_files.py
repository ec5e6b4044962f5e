"""A user's own files as tables. To add a file format, add an entry to FORMATS.

A row that cannot be read does not spoil the others: it is listed with its line.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name

from sweeper.data.bad_rows import SAVE_AS_UTF8, are_undecoded
from sweeper.data.packed_files import PACKINGS, SourceFile, open_source
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError


@dataclass(frozen=True)
class FileFormat:
    """A file format: its label for messages, and the function that reads the wanted columns of a file.

    The function is named as "module:function" and imported when a file is read: search_space imports the formats, and
    must start quickly. It may raise OSError and UnavailableError. `most_rows` gives at once a number that the rows of a
    file do not exceed, or None if it cannot tell.
    """

    label: str
    reader: str
    most_rows: Callable[[SourceFile], int | None] = lambda _: None

    def read(self, source: SourceFile, columns: Sequence[str]) -> RawTable:
        """Return the wanted columns of a file, those that it has."""
        table: RawTable = resolve_name(self.reader)(source, columns)
        return table


def read_tables(paths: Mapping[str, str], columns: Sequence[str]) -> dict[str, RawTable]:
    """Read the given columns from the file of each split. A column that a file lacks is not in its table.

    Raises UnavailableError if a file cannot be read, or has no readable row.
    """
    return {split: _read_table(Path(path), columns) for split, path in paths.items()}


def most_rows(path: Path) -> int | None:
    """Return a number that the rows of a file do not exceed, without reading them; None if that cannot be told."""
    try:
        source = open_source(path)
    except (OSError, UnavailableError):
        return None
    file_format = FORMATS.get(source.suffix)
    return file_format.most_rows(source) if file_format else None


def _count_lines(source: SourceFile) -> int:
    text = source.content.rstrip(b"\r\n")
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n") + 1


def _count_lines_below_header(source: SourceFile) -> int:
    return _count_lines(source) - 1


def _count_objects(source: SourceFile) -> int:
    return source.content.count(b"{")


def _count_parquet_rows(source: SourceFile) -> int | None:
    from sweeper.data.arrow_files import count_parquet_rows

    return count_parquet_rows(source)


IS_EMPTY = "is empty; it needs a row of column names, and rows"


def list_formats() -> str:
    """Return the suffixes and labels of all file formats, for messages and descriptions."""
    formats = ", ".join(f"{suffix} ({file_format.label})" for suffix, file_format in FORMATS.items())
    return f"{formats}; each also as {', '.join(PACKINGS)}"


def describe_no_rows(bad_rows: Sequence[str]) -> str:
    """Return the reason why a file has no row, from the lines on those that cannot be read."""
    if not bad_rows:
        return "has no rows; add some"
    return f"no row can be read, first {bad_rows[0]}; {SAVE_AS_UTF8 if are_undecoded(bad_rows) else 'correct it'}"


def _read_table(path: Path, columns: Sequence[str]) -> RawTable:
    try:
        source = open_source(path)
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be read: {error.strerror or error}; name a data file") from None
    file_format = FORMATS.get(source.suffix)
    if file_format is None:
        suffix = source.suffix or "without a suffix"
        raise UnavailableError(f"{path}: unknown file format {suffix}; allowed: {list_formats()}")
    table = file_format.read(source, columns)
    is_complete = set(columns) <= set(table.columns)
    if not len(table) and (is_complete or not table.columns):
        reason = describe_no_rows(table.unreadable_rows) if source.content.strip() else IS_EMPTY
        raise UnavailableError(f"{path}: {reason}")
    return table


_JSON, _DELIMITED = "sweeper.data.json_files", "sweeper.data.delimited_files"

FORMATS: Mapping[str, FileFormat] = {
    ".jsonl": FileFormat("JSON lines", f"{_JSON}:read_json_lines", _count_lines),
    ".json": FileFormat("JSON array or lines", f"{_JSON}:read_json", _count_objects),
    ".csv": FileFormat("comma-separated", f"{_DELIMITED}:read_csv", _count_lines_below_header),
    ".tsv": FileFormat("tab-separated", f"{_DELIMITED}:read_tsv", _count_lines_below_header),
    ".parquet": FileFormat("Parquet", "sweeper.data.arrow_files:read_parquet", _count_parquet_rows),
    ".xlsx": FileFormat("Excel, with the package openpyxl", "sweeper.data.excel_files:read_xlsx"),
}
