"""Reading with pyarrow: Parquet files, and the plain lines of delimited text.

pyarrow is imported inside the functions, because importing it takes long.
"""

from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from typing import Any

from sweeper.data.delimited_records import DelimitedText
from sweeper.data.packed_files import SourceFile
from sweeper.data.plain_lines import MAX_LINE
from sweeper.data.rows import Column, RawTable
from sweeper.data.table_columns import find_column_indices, shown_names
from sweeper.errors import UnavailableError

_BLOCK_SIZE = 2 * MAX_LINE  # bytes


def parse_delimited_lines(
    lines: bytes | memoryview, count: int, body: DelimitedText, indices: Sequence[int]
) -> tuple[list[Column], list[int]] | None:
    """Return the columns at `indices` of `count` plain lines, and the lines, from 0, that have another width.

    The rows of those are not in the columns. Return None if pyarrow does not read a row in each line.
    """
    import pyarrow

    if not count:
        return [empty_column() for _ in indices], []
    if lines[:3] == BOM_UTF8:
        lines = BOM_UTF8 + lines  # pyarrow drops the first
    ragged: list[int] = []

    def skip_row(row: Any) -> str:
        ragged.append(row.number - 1)
        return "skip"

    columns = [str(index) for index in indices]
    try:
        table = _read_csv(lines, body, columns, skip_row)
    except pyarrow.lib.ArrowException:
        return None
    if table.num_rows + len(ragged) != count:
        return None
    return [table.column(column) for column in columns], ragged


def _read_csv(
    lines: bytes | memoryview, body: DelimitedText, columns: Sequence[str], skip_row: Callable[[Any], str]
) -> Any:
    """Return a table of strings with these columns, which are named by their indices."""
    import pyarrow
    import pyarrow.csv

    return pyarrow.csv.read_csv(
        pyarrow.BufferReader(lines),
        pyarrow.csv.ReadOptions(
            column_names=[str(k) for k in range(body.width)],
            block_size=_BLOCK_SIZE,
            use_threads=False,  # with threads, rows have no numbers
        ),
        pyarrow.csv.ParseOptions(
            delimiter=body.separator,
            quote_char='"' if body.is_quoted else False,
            ignore_empty_lines=False,
            invalid_row_handler=skip_row,
        ),
        pyarrow.csv.ConvertOptions(
            include_columns=columns,
            column_types=dict.fromkeys(columns, pyarrow.large_string()),
            strings_can_be_null=False,
        ),
    )


def empty_column() -> Column:
    """Return a column of strings without rows."""
    import pyarrow

    return pyarrow.chunked_array([], pyarrow.large_string())


def merge_columns(columns: Sequence[Column], rows: Sequence[Sequence[str]], order: Any) -> list[Column]:
    """Return columns with further rows below them, all in another order. `rows` has their fields by column."""
    import pyarrow

    merged = []
    for index, column in enumerate(columns):
        added_values = pyarrow.array([row[index] for row in rows], pyarrow.large_string())
        merged.append(pyarrow.chunked_array([*column.chunks, added_values]).take(pyarrow.array(order)))
    return merged


def read_parquet(source: SourceFile, wanted_columns: Sequence[str]) -> RawTable:
    """Read the wanted columns of a Parquet file. Raises UnavailableError if it is damaged."""
    import pyarrow.parquet

    path = source.path
    try:
        parquet = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(source.content))
        names = parquet.schema_arrow.names
        column_indices = find_column_indices(path, names, wanted_columns)
        table = parquet.read(columns=[names[index] for index in column_indices.values()])
    except (pyarrow.lib.ArrowException, ValueError, OverflowError, OSError) as error:
        reason = " ".join(str(error).split()).removesuffix(".")
        raise UnavailableError(f"{path}: cannot be read: {reason}; write it again, or name another") from None
    values = {column: table.column(names[index]) for column, index in column_indices.items()}
    return RawTable(
        str(path), shown_names(names, column_indices), values, table.num_rows, lambda index: f"{path}: row {index + 1}"
    )


def count_parquet_rows(source: SourceFile) -> int | None:
    """Return the number of rows that a Parquet file names; None if it is damaged."""
    import pyarrow.parquet

    try:
        return int(pyarrow.parquet.read_metadata(pyarrow.BufferReader(source.content)).num_rows)
    except (pyarrow.lib.ArrowException, OSError):
        return None
