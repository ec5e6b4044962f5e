"""The content of a table as its formats receive it. Everything here is plain text and plain values.

People read percentages, as papers print them. Programs get shares in [0, 1] with all their digits, as MLflow has them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Lines = Sequence[tuple[str, str]]  # a name and a text each


class Shade(StrEnum):
    """The background of a cell, as a colour: the best of its column, or one that is not told apart from the best."""

    BEST = "blue"
    OPEN = "yellow"


@dataclass(frozen=True)
class SheetCell:
    """One cell: 55.6 ± 0.6 (5; 16), with the letters of its footnotes. An empty part is left out."""

    mean: str
    sd: str = ""
    counts: str = ""
    is_bold: bool = False
    footnotes: str = ""
    shade: Shade | None = None


@dataclass(frozen=True)
class Sheet:
    """The table for people: rows of names and cells under `heads`.

    `notes` are letters and texts; the letter of a general note is empty. `details` are headings with their lines.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[SheetCell, ...]], ...]
    notes: tuple[tuple[str, str], ...]
    details: Sequence[tuple[str, Lines]] = ()

    @property
    def num_name_columns(self) -> int:
        """The number of columns that hold names. They are aligned left, all others right."""
        return len(self.heads) - (len(self.rows[0][1]) if self.rows else 0)


@dataclass(frozen=True)
class TableContent:
    """A table as formats receive it; each format uses the form that suits it.

    `sheet` is for people. `records` have one flat mapping per cell, `document` has everything in nested plain values.
    """

    sheet: Sheet
    records: Sequence[Mapping[str, Any]]
    document: Mapping[str, Any]
