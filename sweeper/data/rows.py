"""The rows of a data set: as published (RawTable) and as a training uses them (LabelledTexts)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class RawTable:
    """One split as published.

    `name` is for messages. `rows` pairs each row's place, such as reviews.csv:12, with its values by column.
    `unreadable_rows` has a line for each row that could not be read: place and reason.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, Mapping[str, Any]]]
    unreadable_rows: Sequence[str] = ()


@dataclass(frozen=True)
class LabelledTexts:
    """One split with N rows: texts, class numbers (N,), and the second texts if the rows are pairs."""

    texts: list[str]
    labels: "NDArray[np.int64]"
    pairs: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)
