"""The lines of delimited text: plain ones as bytes for a fast reader, and rows that need care, read one by one."""

from collections.abc import Generator, Iterator

import numpy as np

from sweeper.data.delimited_records import UNDECODED, DelimitedText
from sweeper.data.plain_lines import Bytes, Indices, are_plain, line_starts, lines_at, lone_returns

CarefulRow = tuple[int, list[str] | str]
"""The number of the first line of a row, and its fields, or the reason why it cannot be read."""


class Lines:
    """The lines of a DelimitedText: `numbers` in the file, (L,), and `plain`, True where no care is needed, (L,).

    `data` are the bytes of the text from its start on, (B,).
    """

    def __init__(self, body: DelimitedText, data: Bytes, *, is_utf8: bool) -> None:
        self.body, self.data = body, data
        self.starts = line_starts(data)
        self.plain = are_plain(data, self.starts, body.separator, is_quoted=body.is_quoted)
        returns = lone_returns(data) if "\r" in body.text else np.empty(0, np.int64)
        self.plain[lines_at(self.starts, returns)] = False
        if not is_utf8:
            self.plain[_undecoded_lines(body)] = False
        further_ends = np.searchsorted(returns, self.starts)
        self.numbers = body.line + np.arange(len(self.starts)) + further_ends

    def read_rows(self, lines: Indices) -> Iterator[CarefulRow]:
        """Yield the rows that begin at some lines. The lines of these rows are then no longer plain."""
        text = self.body.text
        offset, position, next_line = 0, self.body.start, 0  # offset in the bytes, position in the text
        for line in lines.tolist():
            if line < next_line:
                continue
            start = int(self.starts[line])
            position += self._count_characters(offset, start)
            offset = start
            end = yield from self._read_line(line, position)
            next_line = len(self.starts) if end == len(text) else line + text.count("\n", position, end)
            self.plain[line:next_line] = False

    def join_plain(self) -> bytes | memoryview:
        """Return the bytes of all plain lines."""
        if self.plain.all():
            return self.data.data
        bounds = np.flatnonzero(np.diff(self.plain, prepend=False, append=False))
        offsets = np.append(self.starts, len(self.data))[bounds].tolist()
        return b"".join(self.data.data[first:end] for first, end in zip(offsets[::2], offsets[1::2], strict=True))

    def _read_line(self, line: int, position: int) -> Generator[CarefulRow, None, int]:
        """Yield the rows that begin in a line, which may have other line ends in it. Return the end of the last."""
        text, number = self.body.text, int(self.numbers[line])
        while True:
            row, position, lines = self.body.read_row(position)
            if row is not None:
                yield number, row
            number += lines
            if position == len(text) or text[position - 1] == "\n":
                return position

    def _count_characters(self, start: int, end: int) -> int:
        if self.body.text.isascii():
            return end - start
        return len(self.data[start:end].tobytes().decode("utf-8", errors="surrogateescape"))


def _undecoded_lines(body: DelimitedText) -> list[int]:
    """Return the lines, from 0, with bytes that are not UTF-8."""
    text, start, line = body.text, body.start, 0
    lines = []
    for match in UNDECODED.finditer(text, start):
        line += text.count("\n", start, match.start())
        start = match.start()
        lines.append(line)
    return lines
