"""The rows of a data set: as published (RawTable) and as a training uses them (LabelledTexts)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Column: TypeAlias = Any
"""The values of a column: a pyarrow.ChunkedArray, or a list of any values."""


@dataclass(frozen=True)
class RawTable:
    """One split with N rows, as published.

    `name` is for messages. `columns` are the names of all columns, `values` has those that were read, (N,) each.
    `place` returns the place of a row from its index, such as reviews.csv:12; it is called for rows that are named.
    `unreadable_rows` has a line for each row that could not be read: place and reason.
    """

    name: str
    columns: tuple[str, ...]
    values: Mapping[str, Column]
    size: int
    place: Callable[[int], str]
    unreadable_rows: Sequence[str] = ()

    def __len__(self) -> int:
        return self.size


@dataclass(frozen=True)
class LabelledTexts:
    """One split with N rows: texts, labels, and the second texts if the rows are pairs.

    Labels are class numbers (N,), or label sets as a 0/1 matrix (N, C); see label_arrays.py.
    """

    texts: list[str]
    labels: "NDArray[np.int64]"
    pairs: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, indices: "NDArray[np.int64]") -> "LabelledTexts":
        """Return the rows at some indices, (M,)."""
        rows = indices.tolist()
        pairs = None if self.pairs is None else [self.pairs[row] for row in rows]
        return LabelledTexts([self.texts[row] for row in rows], self.labels[indices], pairs)
