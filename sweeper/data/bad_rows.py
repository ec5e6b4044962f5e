"""The rows that cannot be used: their number by split and kind, and a line for each of the first."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sweeper.wording import count_noun

SAVE_AS_UTF8 = "save the file as UTF-8, as iconv -f LATIN1 -t UTF-8 does"  # the remedy for another encoding

_MAX_LISTED = 50  # rows that are named
_UNDECODED = re.compile(r":\d+(: row \d+)?: not UTF-8$")  # the end of the line on such a row of a text file


def are_undecoded(lines: Sequence[str]) -> bool:
    """Return True if most of the lines on bad rows are about text that is not UTF-8, in a file of text."""
    return 2 * sum(bool(_UNDECODED.search(line)) for line in lines) > len(lines)


class BadRowKind(StrEnum):
    """The kinds of bad rows. The value is what is wrong with several of them."""

    UNREADABLE = "they cannot be read"
    TEXT = "their text is missing or cannot be used"
    LABEL = "their label is missing or cannot be used"
    UNKNOWN_CLASS = "they have a label that train lacks"

    def describe(self, count: int) -> str:
        """Return what is wrong with so many rows."""
        if count != 1:
            return self.value
        return self.value.replace("they have", "it has").replace("they", "it").replace("their", "its")


@dataclass
class BadRows:
    """Bad rows of all splits, in order. `lines` has place and reason of the first fifty.

    `kinds` has the number of rows by split and kind; whoever adds rows counts them there.
    """

    lines: list[str] = field(default_factory=list)
    kinds: Counter[tuple[str, BadRowKind]] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """The number of bad rows."""
        return self.kinds.total()

    def add_lines(self, lines: Sequence[str]) -> None:
        """Add bad rows that have their lines."""
        self.lines += lines[: _MAX_LISTED - len(self.lines)]

    def describe_kinds(self) -> list[str]:
        """Return a line for each split and kind: 30 rows of test: they have a label that train lacks."""
        return [
            f"{count_noun(count, 'row', form=',')} of {split}: {kind.describe(count)}"
            for (split, kind), count in self.kinds.items()
            if count
        ]

    def describe_left_out(self, split: str, usable: int) -> Iterator[str]:
        """Yield a line for each kind of the rows that a split with so many usable rows loses."""
        counts = {kind: count for kind in BadRowKind if (count := self.kinds[split, kind])}
        total = usable + sum(counts.values())
        for kind, count in counts.items():
            verb = "is" if count == 1 else "are"
            yield f"{count:,} of {count_noun(total, f'{split} row', form=',')} {verb} left out: {kind.describe(count)}"

    def add(self, reasons: Mapping[int, str], place: Callable[[int], str]) -> None:
        """Add bad rows: their reasons by index in a table, and the function that returns the place of an index."""
        named = sorted(reasons)[: _MAX_LISTED - len(self.lines)]
        self.lines += [f"{place(index)}: {reasons[index]}" for index in named]

    def listed(self) -> list[str]:
        """Return the lines of the first rows, and one about the number of the others, if there are any."""
        num_unlisted = self.count - len(self.lines)
        if num_unlisted:
            return [*self.lines, f"and {num_unlisted:,} more"]
        return list(self.lines)
