"""The rows that cannot be used: their number, and a line for each of the first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

_MAX_LISTED = 50  # rows that are named


@dataclass
class BadRows:
    """Bad rows of all splits, in order. `lines` has place and reason of the first fifty."""

    count: int = 0
    lines: list[str] = field(default_factory=list)

    def add_lines(self, lines: Sequence[str]) -> None:
        """Add bad rows that have their lines."""
        self.count += len(lines)
        self.lines += lines[: _MAX_LISTED - len(self.lines)]

    def add(self, reasons: Mapping[int, str], place: Callable[[int], str]) -> None:
        """Add bad rows: their reasons by index in a table, and the function that returns the place of an index."""
        self.count += len(reasons)
        named = sorted(reasons)[: _MAX_LISTED - len(self.lines)]
        self.lines += [f"{place(index)}: {reasons[index]}" for index in named]

    def listed(self) -> list[str]:
        """Return the lines of the first rows, and one about the number of the others, if there are any."""
        more = self.count - len(self.lines)
        return [*self.lines, *([f"and {more:,} more"] if more else [])]
