"""Reading of csv and tsv files. pyarrow reads the lines that are plain, and delimited_records the others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.data.arrow_files import empty_column, merge_columns, parse_delimited_lines
from sweeper.data.careful_lines import CarefulRow, Lines
from sweeper.data.delimited_layout import find_layout
from sweeper.data.packed_files import SourceFile
from sweeper.data.rows import Column, RawTable
from sweeper.data.table_columns import find_column_indices, shown_names


def read_csv(source: SourceFile, wanted_columns: Sequence[str]) -> RawTable:
    """Read the wanted columns of a csv file. If its separator is not a comma, the header shows which it is."""
    return _read_delimited(source, wanted_columns, ",")


def read_tsv(source: SourceFile, wanted_columns: Sequence[str]) -> RawTable:
    """Read the wanted columns of a tab-separated file."""
    return _read_delimited(source, wanted_columns, "\t")


def _read_delimited(source: SourceFile, wanted_columns: Sequence[str], usual: str) -> RawTable:
    path = source.path
    text, is_utf8 = source.decode()
    header, body = find_layout(path, text, wanted_columns, usual)
    column_indices = find_column_indices(header.place(path), header.names, wanted_columns)
    data = np.frombuffer(source.content, np.uint8)[source.byte_offset(text, body.start) :]
    columns, numbers, bad_rows = _read_rows(Lines(body, data, is_utf8=is_utf8), list(column_indices.values()))
    return RawTable(
        name=str(path),
        columns=shown_names(header.names, column_indices),
        values=dict(zip(column_indices, columns, strict=True)),
        size=len(numbers),
        place=lambda index: f"{path}:{numbers[index]}",
        unreadable_rows=[f"{path}:{line}: {reason}" for line, reason in bad_rows],
    )


def _read_rows(lines: Lines, indices: Sequence[int]) -> tuple[list[Column], NDArray[np.int64], list[CarefulRow]]:
    """Return the columns at `indices`, the line of each row, (N,), and the rows that cannot be read."""
    careful = list(lines.read_rows(np.flatnonzero(~lines.plain)))
    parsed = parse_delimited_lines(lines.join_plain(), int(lines.plain.sum()), lines.body, indices)
    if parsed is None:
        careful = list(lines.read_rows(np.arange(len(lines.starts))))
    columns, ragged = parsed or ([empty_column() for _ in indices], [])
    careful += lines.read_rows(np.flatnonzero(lines.plain)[np.array(ragged, np.int64)])
    numbers = lines.numbers[lines.plain]
    good_rows = [(number, row) for number, row in careful if isinstance(row, list)]
    if good_rows:
        numbers = np.append(numbers, [number for number, _ in good_rows])
        order = np.argsort(numbers, kind="stable")
        columns = merge_columns(columns, [[row[index] for index in indices] for _, row in good_rows], order)
        numbers = numbers[order]
    return columns, numbers, sorted((number, row) for number, row in careful if isinstance(row, str))
