"""Rows of delimited text that need care: quotes, line breaks inside fields, and rows that are badly quoted.

A badly quoted row does not end the reading. It is named by its line, and the reading goes on at the next line.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from sweeper.wording import count_noun

LINE_END = re.compile(r"\r\n|\r|\n")
UNDECODED = re.compile("[\udc80-\udcff]")  # bytes that were not UTF-8

_SAMPLED_LINES = 10_000  # lines in which values that repeat are looked for
_BADLY_QUOTED = 'badly quoted; close a quoted field with a quote, and double each quote inside it ("")'


@dataclass(frozen=True)
class DelimitedText:
    """Delimited text below its header.

    `start` is the offset of the first row in `text`, and `line` its line number. `width` is the number of columns.
    """

    text: str
    start: int
    line: int
    width: int
    separator: str
    is_quoted: bool

    def rows(self) -> Iterator[tuple[int, list[str] | str]]:
        """Yield each row: the number of its first line, and its fields, or the reason why it cannot be read."""
        position, line = self.start, self.line
        while position < len(self.text):
            row, position, lines = self.read_row(position)
            if row is not None:
                yield line, row
            line += lines

    def read_row(self, position: int) -> tuple[list[str] | str | None, int, int]:
        """Read the row at an offset. Return it, the offset of what follows, and the number of its lines.

        The row is its fields, or the reason why it cannot be read, or None for a blank line.
        """
        end, following = self._line_bounds(position)
        content, lines = self.text[position:end], 1
        if not content.strip(" "):
            return None, following, lines
        row: list[str] | str = content.split(self.separator)
        if self.is_quoted and '"' in content:
            row, row_end = self._read_quoted(position)
            if row_end > end:
                end, following = self._line_bounds(row_end)
                lines += len(LINE_END.findall(self.text, position, row_end))
        if UNDECODED.search(self.text, position, end):
            row = "not UTF-8"
        elif isinstance(row, list) and len(row) != self.width:
            row = f"has {count_noun(len(row), 'field')}, but the header has {self.width}"
        return row, following, lines

    def _line_bounds(self, position: int) -> tuple[int, int]:
        """Return the end of the line at `position`, and the start of the next one."""
        line_end = LINE_END.search(self.text, position)
        return line_end.span() if line_end else (len(self.text), len(self.text))

    def _read_quoted(self, position: int) -> tuple[list[str] | str, int]:
        """Return the fields of the row at `position` and its end, or a reason and `position`."""
        fields, end = read_record(self.text, position, self.separator)
        if fields is None:
            return _BADLY_QUOTED, position
        if any(self._swallows_rows(index, field) for index, field in enumerate(fields)):
            last = len(LINE_END.findall(self.text, position, end))
            return f"has a quote that is closed {last} lines below, after other rows; close it, or double it", position
        return fields, end

    def _swallows_rows(self, index: int, field: str) -> bool:
        """Return True if the lines of a field look like rows: at half of its line breaks stands a known value.

        With the columns text and label, a quote left open in one row may be closed in a later one. Then the lines in
        between end with a separator and a label.
        """
        lines = LINE_END.split(field)
        after = self.width - 1 - index  # the columns to the right of the field
        matches = 0
        for upper, lower in pairwise(lines):
            tail, head = upper.rsplit(self.separator, after)[1:], lower.split(self.separator, index)[:-1]
            values = [*enumerate(head)] if len(head) == index else []
            values += enumerate(tail, start=index + 1) if len(tail) == after else []
            matches += any(value.strip() in self._repeated_values[column] for column, value in values)
        return len(lines) > 1 and 2 * matches >= len(lines) - 1

    @cached_property
    def _repeated_values(self) -> Sequence[set[str]]:
        """The values, by column, that several rows of one line have. Labels are among them."""
        counts: list[Counter[str]] = [Counter() for _ in range(self.width)]
        for content in LINE_END.split(self.text[self.start :], _SAMPLED_LINES)[:_SAMPLED_LINES]:
            fields, _ = read_record(content, 0, self.separator)
            for count, field in zip(counts, fields or (), strict=False):
                count[field.strip()] += 1
        return [{value for value, number in count.items() if value and number > 1} for count in counts]


def read_record(text: str, position: int, separator: str) -> tuple[list[str] | None, int]:
    """Return the fields of the record at `position` and the record's end. The fields are None if it is badly quoted.

    A quoted field may contain separators, line breaks and doubled quotes (RFC 4180); spaces around it do not count.
    """
    field = _FIELDS[separator]
    fields = []
    while True:
        match = field.match(text, position)
        if match is None:
            return None, position
        quoted = match[1]
        fields.append(match[2] if quoted is None else quoted.replace('""', '"'))
        position = match.end()
        if not text.startswith(separator, position):
            return fields, position
        position += 1


_FIELDS = {
    separator: re.compile(
        rf' *+"((?:[^"]++|"")*+)" *+(?=[{re.escape(separator)}\r\n]|\Z)|((?!")[^{re.escape(separator)}\r\n]*+)'
    )
    for separator in ",;\t|"
}
