"""The search for the lines of delimited text that need care. All others are rows that any reader reads alike.

A line ends with a line feed here, and data are the bytes of the text as an array, (B,).
"""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Indices = NDArray[np.int64]

MAX_LINE = 1 << 23  # bytes; a longer line needs care
_FEED, _RETURN, _SPACE, _QUOTE = b"\n\r "[0], b"\n\r "[1], b"\n\r "[2], b'"'[0]


def line_starts(data: Bytes) -> Indices:
    """Return the offset of each line, (L,)."""
    starts: Indices = np.append(0, np.flatnonzero(data == _FEED) + 1)
    return starts[:-1] if len(data) == 0 or data[-1] == _FEED else starts


def lone_returns(data: Bytes) -> Indices:
    """Return the offsets of the carriage returns that end a line by themselves."""
    returns = np.flatnonzero(data == _RETURN)
    following = np.minimum(returns + 1, len(data) - 1)
    lone: Indices = returns[data[following] != _FEED]
    return lone


def are_plain(data: Bytes, starts: Indices, separator: str, *, is_quoted: bool) -> NDArray[np.bool_]:
    """Return for each line whether it is a row in itself, (L,).

    False is for a line that may be blank, is very long, or has quotes that are not around whole fields. The number of
    fields, other line ends and the encoding are not checked.
    """
    if not len(starts):
        return np.empty(0, np.bool_)
    plain = ~_may_be_blank(data, starts) & (np.diff(starts, append=len(data)) < MAX_LINE)
    quotes = np.flatnonzero(data == _QUOTE) if is_quoted else np.empty(0, np.int64)
    if len(quotes):
        lines = lines_at(starts, quotes)
        counts = np.bincount(lines, minlength=len(starts))
        plain[lines[_are_misplaced(data, quotes, lines, counts, separator)]] = False
        plain[counts % 2 == 1] = False
    return plain


def lines_at(starts: Indices, offsets: Indices) -> Indices:
    """Return the index of the line at each offset."""
    return np.searchsorted(starts, offsets, side="right") - 1


def _may_be_blank(data: Bytes, starts: Indices) -> NDArray[np.bool_]:
    """Return True for lines that have nothing in them, or begin and end with a space."""
    last = np.append(starts[1:], len(data)) - 1
    last -= data[last] == _FEED
    last -= data[last] == _RETURN
    blank: NDArray[np.bool_] = (last < starts) | ((data[starts] == _SPACE) & (data[last] == _SPACE))
    return blank


def _are_misplaced(data: Bytes, quotes: Indices, lines: Indices, counts: Indices, separator: str) -> NDArray[np.bool_]:
    """Return True for each quote that neither opens or closes a field nor is one of two in a row, (Q,).

    In a row, the quotes with an even index open a field or are the second of two. Those with an odd index close it or
    are the first of two.
    """
    firsts = np.cumsum(counts) - counts
    opens = (np.arange(len(quotes)) - firsts[lines]) % 2 == 0
    before = np.where(quotes > 0, data[quotes - 1], _FEED)
    after = np.where(quotes + 1 < len(data), data[np.minimum(quotes + 1, len(data) - 1)], _FEED)
    is_adjacent = np.diff(quotes) == 1
    misplaced: NDArray[np.bool_]
    good_before = np.isin(before, [ord(separator), _FEED]) | np.append(False, is_adjacent)
    good_after = np.isin(after, [ord(separator), _FEED, _RETURN]) | np.append(is_adjacent, False)
    misplaced = np.where(opens, ~good_before, ~good_after)
    return misplaced
