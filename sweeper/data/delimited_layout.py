"""The layout of delimited text: header, separator, and whether fields stand in quotes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweeper.data.bad_rows import SAVE_AS_UTF8
from sweeper.data.delimited_records import LINE_END, UNDECODED, DelimitedText, read_record
from sweeper.data.table_columns import find_column_indices
from sweeper.errors import UnavailableError

SEPARATORS = (",", ";", "\t", "|")

_NAMED_SEPARATOR = re.compile(r'"?sep=([,;\t|])"?[ ]*(?:\r\n|\r|\n)', re.IGNORECASE)  # the first line, for Excel
_BLANK_LINES = re.compile(r"(?:[ ]*(?:\r\n|\r|\n))*")
_NUMBER = re.compile(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?")
_HABIT = 0.9  # the share of a column's words that stand in quotes if it is the habit of the file
_FEWEST_QUOTED = 3  # fields in quotes that show a rule


@dataclass(frozen=True)
class Header:
    """The names of the columns, the separator, and offset and line number of what follows."""

    names: list[str]
    separator: str
    end: int
    next_line: int

    def place(self, path: Path) -> str:
        """Return the place of the header, for messages."""
        return f"{path}:{self.next_line - 1}"


def find_layout(path: Path, text: str, wanted_columns: Sequence[str], usual: str) -> tuple[Header, DelimitedText]:
    """Return the header of a file, and the text below it. `usual` is the separator that its suffix stands for.

    Raises UnavailableError if the header is not UTF-8.
    """
    header = _find_header(path, text, wanted_columns, usual)
    is_readable = not any(UNDECODED.search(name) or "\0" in name for name in header.names)
    if not is_readable and len(find_column_indices(header.place(path), header.names, wanted_columns)) < len(
        wanted_columns
    ):
        raise UnavailableError(f"{header.place(path)}: the header is not UTF-8; {SAVE_AS_UTF8}")
    body = DelimitedText(text, header.end, header.next_line, len(header.names), header.separator, is_quoted=True)
    return header, body if header.separator != "\t" else replace(body, is_quoted=_is_quoted(body))


def _find_header(path: Path, text: str, wanted_columns: Sequence[str], usual: str) -> Header:
    """Return the header under the first separator that gives all wanted columns, or else the most columns.

    If no column is wanted, that is the one with the most.
    """
    blank_lines = _BLANK_LINES.match(text)
    start = blank_lines.end() if blank_lines else 0
    named = _NAMED_SEPARATOR.match(text, start)
    if named:
        start, separators = named.end(), [named[1]]
    else:
        separators = [usual, *(separator for separator in SEPARATORS if separator != usual)]
    headers = [_read_header(text, start, separator) for separator in separators]
    complete = [
        header
        for header in headers
        if len(find_column_indices(header.place(path), header.names, wanted_columns)) == len(wanted_columns)
    ]
    return complete[0] if complete and wanted_columns else max(headers, key=lambda header: len(header.names))


def _read_header(text: str, start: int, separator: str) -> Header:
    names, end = read_record(text, start, separator)
    if names is None:
        line_end = LINE_END.search(text, start)
        end = line_end.start() if line_end else len(text)
        names = text[start:end].split(separator)
    line_end = LINE_END.match(text, end)
    end = line_end.end() if line_end else len(text)
    return Header(names, separator, end, 1 + len(LINE_END.findall(text, 0, end)) + (line_end is None))


def _is_quoted(body: DelimitedText) -> bool:
    """Return True if the fields of a tab-separated file stand in quotes where they must.

    Published files often do not quote their fields, and a quote is then a sign like any other. That is assumed unless
    the file shows a rule, or more rows can be read with quotes than without.
    """
    text = body.text[body.start :]
    if not any(start in text for start in ('\t"', '\n"', '\r"')) and not text.startswith('"'):
        return False
    lines = LINE_END.split(text) if "\r" in text else text.split("\n")
    lines = [line for line in lines if line.strip(" ")]
    whole_lines = [line for line in lines if line.count("\t") == body.width - 1]
    if _shows_a_rule(whole_lines, body.width):
        return True
    if len(whole_lines) == len(lines):
        return False
    return _count_bad_rows(replace(body, is_quoted=True)) < len(lines) - len(whole_lines)


def _count_bad_rows(body: DelimitedText) -> int:
    return sum(isinstance(row, str) for _, row in body.rows())


def _shows_a_rule(lines: Sequence[str], width: int) -> bool:
    """Return True if quotes follow a rule: a whole column has them, or fields with commas, or quotes are doubled.

    `lines` are rows of `width` fields.
    """
    rows = [line.split("\t") for line in lines if '"' in line]
    if any(_has_habit(lines, [row[index] for row in rows], index) for index in range(width)):
        return True
    with_quotes = [field for row in rows for field in row if '"' in field]
    doubled = sum(_is_in_quotes(field) and '""' in field[1:-1] for field in with_quotes)
    if 2 * doubled > len(with_quotes):
        return True
    in_quotes_for_commas = all(_is_in_quotes(field) and ("," in field or '""' in field[1:-1]) for field in with_quotes)
    return (
        len(with_quotes) >= _FEWEST_QUOTED
        and in_quotes_for_commas
        and all(_is_in_quotes(field) for line in lines if "," in line for field in line.split("\t") if "," in field)
    )


def _has_habit(lines: Sequence[str], fields: Sequence[str], index: int) -> bool:
    """Return True if nearly all words of a column stand in quotes. `fields` are those of the lines with quotes."""
    in_quotes = sum(map(_is_in_quotes, fields))  # all of them are words
    column = (line.split("\t")[index] for line in lines)
    words = (field for field in column if field and not _NUMBER.fullmatch(field))
    return in_quotes > 0 and all(in_quotes >= _HABIT * count for count, _ in enumerate(words, start=1))


def _is_in_quotes(field: str) -> bool:
    """Return True if a field begins and ends with a quote, and the quotes in it are doubled."""
    return len(field) > 1 and field[0] == field[-1] == '"' and '"' not in field[1:-1].replace('""', "")
