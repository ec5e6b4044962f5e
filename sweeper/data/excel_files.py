"""Reading of Excel workbooks with openpyxl, a package of the user's: sweeper does not install it."""

import io
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from sweeper.data.packed_files import SourceFile
from sweeper.data.rows import RawTable
from sweeper.data.table_columns import find_column_indices, shown_names
from sweeper.errors import UnavailableError


def read_xlsx(source: SourceFile, wanted_columns: Sequence[str]) -> RawTable:
    """Read the wanted columns of the first sheet. The first row has the names of the columns; empty rows do not count.

    Raises UnavailableError if openpyxl is missing, or the file is no workbook.
    """
    numbered = [(number, row) for number, row in enumerate(_read_rows(source), start=1) if not _is_empty(row)]
    names = ["" if name is None else str(name) for name in numbered[0][1]] if numbered else []
    column_indices = find_column_indices(source.path, names, wanted_columns)
    numbers = [number for number, _ in numbered[1:]]
    return RawTable(
        name=str(source.path),
        columns=shown_names(names, column_indices),
        values={column: [row[index] for _, row in numbered[1:]] for column, index in column_indices.items()},
        size=len(numbers),
        place=lambda index: f"{source.path}: row {numbers[index]}",
    )


def _read_rows(source: SourceFile) -> list[tuple[Any, ...]]:
    try:
        openpyxl: Any = import_module("openpyxl")
    except ImportError:
        raise UnavailableError(
            f"{source.path}: Excel files need the package openpyxl; pip install openpyxl, or save the sheet as csv"
        ) from None
    try:
        workbook = openpyxl.load_workbook(io.BytesIO(source.content), read_only=True, data_only=True)
        rows = list(workbook.worksheets[0].iter_rows(values_only=True))
    except Exception as error:  # a workbook is a zip file of XML files, and each reader of them has its own errors
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnavailableError(f"{source.path}: cannot be read: {reason}; save it as .xlsx again, or as csv") from None
    width = max(map(len, rows), default=0)
    return [(*row, *[None] * (width - len(row))) for row in rows]


def _is_empty(row: Sequence[Any]) -> bool:
    return all(value is None or value == "" for value in row)
