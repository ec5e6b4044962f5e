"""Tables of published rows for tests: made from rows, and as rows again."""

from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.data.arrow_columns import distinct_values
from sweeper.data.rows import RawTable


def table_of(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    columns: Sequence[str] | None = None,
    first: int = 1,
    unreadable: Sequence[str] = (),
) -> RawTable:
    """Return a table of rows. Its columns are those that any row has. The first row is at NAME:`first`."""
    names = tuple(columns or dict.fromkeys(column for row in rows for column in row))
    values = {column: [row.get(column) for row in rows] for column in names}
    return RawTable(name, names, values, len(rows), lambda index: f"{name}:{first + index}", unreadable)


def rows_of(table: RawTable, *columns: str) -> list[tuple[Any, ...]]:
    """Return the values of some columns, row by row. Strings are str, whatever array they are in."""
    lists = []
    for column in columns:
        numbers, values = distinct_values(table.values[column])
        texts = [value.decode() if isinstance(value, bytes) else value for value in values]
        lists.append([texts[number] for number in numbers])
    return list(zip(*lists, strict=True))


def places_of(table: RawTable) -> list[str]:
    """Return the place of each row."""
    return [table.place(index) for index in range(len(table))]
