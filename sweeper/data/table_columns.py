"""The columns of a user's table. Those that the sweep does not use may be called anything."""

import unicodedata
from collections.abc import Mapping, Sequence

from sweeper.errors import UnavailableError


def find_column_indices(place: object, names: Sequence[str], wanted_columns: Sequence[str]) -> dict[str, int]:
    """Return the indices of the wanted columns that a table has. Spaces around a name do not count.

    Raises UnavailableError if two columns have a wanted name. `place` is for its message.
    """
    column_indices: dict[str, int] = {}
    for column in wanted_columns:
        indices = [index for index, name in enumerate(names) if clean_name(name) == clean_name(column)]
        if [names[index] for index in indices].count(column) == 1:
            indices = [names.index(column)]
        if len(indices) > 1:
            raise UnavailableError(f"{place}: has two columns {column}; rename one of them")
        if indices:
            column_indices[column] = indices[0]
    return column_indices


def shown_names(names: Sequence[str], column_indices: Mapping[str, int]) -> tuple[str, ...]:
    """Return the names of a table's columns for RawTable: the wanted ones as wanted, and none that is empty."""
    spelling = {index: column for column, index in column_indices.items()}
    shown_columns = (spelling.get(index, clean_name(name)) for index, name in enumerate(names))
    return tuple(dict.fromkeys(name for name in shown_columns if name))


def clean_name(name: str) -> str:
    """Return the name of a column without spaces and byte order mark around it, in composed Unicode (NFC)."""
    return unicodedata.normalize("NFC", name.strip().strip("\ufeff").strip())
