"""A user's file with all its columns, before anybody has said which hold the texts and the labels."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sweeper.data.bad_rows import SAVE_AS_UTF8
from sweeper.data.column_choice import LABEL_NAMES, TEXT_NAMES
from sweeper.data.delimited_records import UNDECODED
from sweeper.data.local_files import FORMATS, IS_EMPTY, describe_no_rows, list_formats, read_tables
from sweeper.data.packed_files import SourceFile, open_source
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError

_OBJECT_FORMATS = (".jsonl", ".json")  # whose columns are named in each row
_HEAD = 1 << 20  # bytes that tell the columns of a file of lines
_CUT_FORMATS = (".csv", ".tsv", ".jsonl", ".json")  # whose first lines can be read alone


def read_whole_table(path: Path) -> RawTable:
    """Return a file with all its columns, but those whose name another column has too.

    Raises UnavailableError if it cannot be read, has no rows or no columns, or two columns of a usual name for texts
    or labels.
    """
    columns = _column_names(path)
    if not columns:
        raise UnavailableError(f"{path}: has no named columns; a first row names them, such as text and label")
    return read_tables({"table": str(path)}, columns)["table"]


def _column_names(path: Path) -> Sequence[str]:
    """Return the names of the columns that only one column has."""
    try:
        source = open_source(path)
    except OSError as error:
        raise UnavailableError(f"{path}: cannot be read: {error.strerror or error}; name a data file") from None
    if not source.content.strip():
        raise UnavailableError(f"{path}: {IS_EMPTY}")
    file_format = FORMATS.get(source.suffix)
    if file_format is None:
        suffix = source.suffix or "without a suffix"
        raise UnavailableError(f"{path}: unknown file format {suffix}; allowed: {list_formats()}")
    head, table = _read_head(source)
    names = table.columns
    if source.suffix in _OBJECT_FORMATS and not names:
        raise UnavailableError(f"{path}: {describe_no_rows(table.unreadable_rows)}")
    if any(UNDECODED.search(name) for name in names):
        raise UnavailableError(f"{path}:1: the header is not UTF-8; {SAVE_AS_UTF8}")
    try:
        file_format.read(head, names)
    except UnavailableError:  # two columns have the same name
        names = tuple(name for name in names if _is_unique(head, name))
    return names


def _is_unique(head: SourceFile, name: str) -> bool:
    try:
        FORMATS[head.suffix].read(head, [name])
    except UnavailableError:
        if name.casefold() in TEXT_NAMES | LABEL_NAMES:
            raise
        return False
    return True


def _read_head(source: SourceFile) -> tuple[SourceFile, RawTable]:
    """Return the first lines of a file with their table. The whole file, if its first lines do not tell the columns."""
    file_format, head = FORMATS[source.suffix], _first_lines(source)
    with suppress(UnavailableError):  # the end of the first lines may look like a damaged array
        table = file_format.read(head, ())
        if table.columns:
            return head, table
    return source, file_format.read(source, ())


def _first_lines(source: SourceFile) -> SourceFile:
    """Return the first lines of a file of lines, and another file whole."""
    end = source.content.rfind(b"\n", 0, _HEAD)
    if source.suffix not in _CUT_FORMATS or len(source.content) <= _HEAD or end < 0:
        return source
    return replace(source, content=source.content[: end + 1])
