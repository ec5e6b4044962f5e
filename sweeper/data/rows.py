"""TODO."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class RawTable:
    """One split as it was published: the values of each row by column, with the row's place.

    `name` is what a message calls it; `broken` are rows that could not even be read, place and reason.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, Mapping[str, Any]]]
    unreadable_rows: Sequence[str] = ()


@dataclass(frozen=True)
class LabelledTexts:
    """One split: texts, labels as class numbers (N,), and the second texts where a row is a pair."""

    texts: list[str]
    labels: "NDArray[np.int64]"
    pairs: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)
