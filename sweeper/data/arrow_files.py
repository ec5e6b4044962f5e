"""Reading with pyarrow: Parquet files, and delimited text in which nothing is unusual.

pyarrow is imported inside the functions, because search_space imports the file formats and must start quickly.
"""

import re
from collections.abc import Sequence
from typing import Any

from sweeper.data.delimited_records import DelimitedText
from sweeper.data.packed_files import SourceFile
from sweeper.data.rows import RawTable
from sweeper.data.table_columns import find_columns, shown_names
from sweeper.errors import UnavailableError

_BLOCK_SIZE = 1 << 24  # bytes; no row may be longer


def read_plain_columns(body: DelimitedText, indices: Sequence[int]) -> list[list[str]] | None:
    """Return the columns at `indices` if each line is a row that pyarrow reads as `DelimitedText.rows` does.

    Return None if something needs care: a blank line, a line break in a field, a row of another width, a quote that is
    not as it should be, or bytes that are not UTF-8. pyarrow would give no line numbers then, or guess.
    """
    text = body.text[body.start :].rstrip("\r\n")
    if not text or not indices or not _is_plain(text, body):
        return None
    table = _parse_delimited(text, body, [str(index) for index in indices])
    if table is None or table.num_rows != text.count("\n") + 1:
        return None
    return [table.column(str(index)).to_pylist() for index in indices]


def _is_plain(text: str, body: DelimitedText) -> bool:
    if text.count("\r") != text.count("\r\n"):
        return False
    if not body.is_quoted or '"' not in text:
        return True
    separator = re.escape(body.separator)
    field = rf'(?<![^{separator}\n])"(?:[^"\n]++|"")*+"(?![^{separator}\r\n])'
    return re.fullmatch(rf'(?:[^"]++|{field})*+', text) is not None


def _parse_delimited(text: str, body: DelimitedText, columns: list[str]) -> Any:
    """Return a table of strings, or None if pyarrow cannot read the text."""
    import pyarrow
    import pyarrow.csv

    try:
        return pyarrow.csv.read_csv(
            pyarrow.BufferReader(text.encode()),
            pyarrow.csv.ReadOptions(column_names=[str(k) for k in range(body.width)], block_size=_BLOCK_SIZE),
            pyarrow.csv.ParseOptions(
                delimiter=body.separator, quote_char='"' if body.is_quoted else False, ignore_empty_lines=False
            ),
            pyarrow.csv.ConvertOptions(
                include_columns=columns,
                column_types=dict.fromkeys(columns, pyarrow.string()),
                strings_can_be_null=False,
            ),
        )
    except (UnicodeEncodeError, pyarrow.lib.ArrowException):
        return None


def read_parquet(source: SourceFile, wanted: Sequence[str]) -> RawTable:
    """Read the wanted columns of a Parquet file. Raises UnavailableError if it is damaged."""
    import pyarrow.parquet

    try:
        parquet = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(source.content))
        names = parquet.schema_arrow.names
        found = find_columns(source.path, names, wanted)
        table = parquet.read(columns=[names[index] for index in found.values()])
        columns = [_to_list(table.column(names[index])) for index in found.values()]
    except (pyarrow.lib.ArrowException, ValueError, OverflowError, OSError) as error:
        raise UnavailableError(f"{source.path}: cannot be read: {' '.join(str(error).split())}") from None
    rows = [
        (f"{source.path}: row {number}", dict(zip(found, values, strict=True)))
        for number, values in enumerate(zip(*columns, strict=True), start=1)
    ]
    return RawTable(str(source.path), shown_names(names, found), rows)


def count_parquet_rows(source: SourceFile) -> int | None:
    """Return the number of rows that a Parquet file names; None if it is damaged."""
    import pyarrow.parquet

    try:
        return int(pyarrow.parquet.read_metadata(pyarrow.BufferReader(source.content)).num_rows)
    except (pyarrow.lib.ArrowException, OSError):
        return None


def _to_list(column: Any) -> list[Any]:
    """Return the values of a column. Strings that are not UTF-8 stay bytes, so that their rows can be named."""
    import pyarrow

    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return list(column.cast(pyarrow.large_binary()).to_pylist())
