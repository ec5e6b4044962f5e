"""The mistakes in a text that is no YAML: the line where each was made, and what mends it.

A parser notices a mistake where it can read no further, often on a line after it. The line is found here from what the
parser says and from how the lines around are written. Lines and columns count from 0.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.wording import quote_value

_REMEDIES = {
    "mapping values are not allowed": "quote a value that has a colon and a space",
    "sequence entries are not allowed": "begin a list on its own line, or write it as [A, B]",
    "undefined alias": "quote a value that begins with *",
    "another document": "remove the line ---",
    "but found ']'": "remove a bracket",
    "but found '}'": "remove a bracket",
    "but found '<scalar>'": "quote the whole value",
    "expected <block end>": "indent the keys of a mapping alike",
    "unknown escape": "put the text in single quotes",
    "'%'": "quote a value that begins with %",
    "'@'": "quote a value that begins with @",
    "'`'": "quote a value that begins with `",
    "expected ',' or": "write a comma between two values, or close the bracket",
    "stream end": "close the bracket",
}
_NO_SPACE = re.compile(r"(?:- +)*([A-Za-z_][\w.]*):([^\s:].*)")
_ALIKE = "indent the keys of a mapping alike"


@dataclass(frozen=True)
class ParserError:
    """What a YAML parser says of a text that it cannot read: the problem, where it noticed it, and what was open there.

    `begin` is the line where the thing began that it was reading. `bracket` is the innermost open bracket, with its
    line. `quote` is the line where a text in quotes began that ended on the line of the problem, or not at all.
    """

    problem: str
    line: int
    column: int
    begin: int
    bracket: tuple[str, int] | None = None
    quote: int | None = None


def explain_mistake(error: ParserError, lines: Sequence[str]) -> tuple[int, str]:
    """Return the line of the mistake, and what is wrong there with its remedy. `lines` are those of the text."""
    problem, line = error.problem, lines[error.line] if error.line < len(lines) else ""
    if error.quote is not None:
        return error.quote, "a text in quotes is not closed; close the quotes"
    if error.bracket is not None and (unclosed := _unclosed(error, error.bracket, lines)) is not None:
        return unclosed
    if "'\\t'" in problem:
        is_indentation = not line[: error.column].strip()
        return error.line, f"{problem}; {'indent with spaces' if is_indentation else 'write a space in its place'}"
    if "could not find expected ':'" in problem:
        return error.begin, _colon_mistake(lines[error.begin])
    is_second_colon = re.search(r":\s", line[: error.column]) is not None
    if "mapping values" in problem and not is_second_colon:
        return _mistake_before(error.line, lines)
    if "but found '<block mapping start>'" in problem:
        return _mistake_before(error.line, lines)
    remedies = (remedy for part, remedy in _REMEDIES.items() if part in problem)
    return error.line, f"{problem}{next((f'; {remedy}' for remedy in remedies), '')}"


def _unclosed(error: ParserError, bracket: tuple[str, int], lines: Sequence[str]) -> tuple[int, str] | None:
    """Return the mistake of a bracket that is open where the lines go on as after it; None if it is another mistake."""
    sign, opened = bracket
    is_end = "stream end" in error.problem
    goes_on = opened < error.line < len(lines) and _indent(lines[error.line]) <= _indent(lines[opened])
    return (opened, f"the bracket {sign} is not closed; close it") if is_end or goes_on else None


def _colon_mistake(line: str) -> str:
    """Return what is wrong with a line that should have a key, a colon, a space and a value."""
    written = _content(line)
    if match := _NO_SPACE.fullmatch(written):
        key, value = match.groups()
        return f"{quote_value(f'{key}:{value}')} has no space after its colon; write {quote_value(f'{key}: {value}')}"
    return f"{quote_value(written)} has no colon; write KEY: VALUE"


def _mistake_before(at: int, lines: Sequence[str]) -> tuple[int, str]:
    """Return the mistake for which the key on a line cannot stand there: a line above it, or its own indentation."""
    above = [number for number in range(at - 1, -1, -1) if _content(lines[number])]
    without_key = 0
    while without_key < len(above) and _has_no_key(_content(lines[above[without_key]])):
        without_key += 1
    if without_key:
        return above[without_key - 1], _colon_mistake(lines[above[without_key - 1]])
    here = _indent(lines[at])
    if above and _indent(lines[above[0]]) < here:
        before = _content(lines[above[0]])
        outer = _content(lines[above[1]]) if len(above) > 1 else ""
        outer_indent = _indent(lines[above[1]]) if len(above) > 1 else -1
        if outer.endswith(":") and outer_indent == _indent(lines[above[0]]):
            return above[0], f"{quote_value(before)} is not indented; indent it under {outer}"
        if outer_indent == here:
            return above[0], f"{quote_value(before)} is indented less than the lines around it; {_ALIKE}"
        return at, f"{quote_value(_content(lines[at]))} is indented more than the line before it; {_ALIKE}"
    return at, f"{quote_value(_content(lines[at]))} is indented otherwise than the lines before it; {_ALIKE}"


def _has_no_key(written: str) -> bool:
    """Return True for a line that is a key without a space after its colon, or a word alone."""
    is_item = written.startswith("-")
    return _NO_SPACE.fullmatch(written) is not None or not (is_item or re.search(r":(?:\s|$)", written))


def _content(line: str) -> str:
    """Return a line without indentation and comment."""
    return re.sub(r"(?:^|\s)#.*", "", line).strip()


def _indent(line: str) -> int:
    """Return the column of a line's key, after the - of a list's item."""
    return len(line) - len(re.sub(r"^[ \t]*(?:- +)*", "", line))
