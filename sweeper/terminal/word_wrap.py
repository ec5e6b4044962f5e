"""Lines that are longer than a terminal is wide, broken between words. What a user copies stays in one piece."""

import re
from collections.abc import Iterator

from rich.cells import cell_len

_PIECE = re.compile(
    r"""\s*(?:
        `[^`]*`\S*                                                 # what is quoted as code
        | \(?(?:sweeper|mlflow|ray|pip|python)\ (?=[\w-])[^;,\n]*  # a command, and what follows it up to ; or ,
        | \S+
    )""",
    re.VERBOSE,
)

_LABEL = re.compile(r"\s*\S+(?: \S+)*\s{2,}(?=\S)")  # what stands in a column of its own before the text
_MARGIN = re.compile(r"\s*(?:- (?=\S))?")  # the indentation of a line, with the sign of a list's item


def wrap_words(text: str, width: int) -> str:
    """Return a text whose lines fit `width` columns, broken between words and indented as they begin.

    Where a label and a gap stand before the text, it goes on under its beginning. A word that is longer, such as a path
    or an address, stays whole, and so does a command.
    """
    return "\n".join(piece for line in text.split("\n") for piece in _wrap_line(line, width))


def wrap_markdown(text: str, width: int) -> str:
    """Return a text in Markdown as `wrap_words` does. The rows of tables stay whole."""
    lines = (line if line.startswith("|") else wrap_words(line, width) for line in text.split("\n"))
    return "\n".join(lines)


def _wrap_line(line: str, width: int) -> Iterator[str]:
    if cell_len(line) <= width:
        yield line
        return
    label_match, margin_match = _LABEL.match(line), _MARGIN.match(line)
    label = label_match[0] if label_match and cell_len(label_match[0]) <= width // 2 else ""
    margin = " " * cell_len(margin_match[0] if margin_match else "")
    indent = " " * cell_len(label) or margin
    current = label
    for piece in _PIECE.findall(line[len(label) :]):
        word = piece.lstrip()
        if not current.strip() or cell_len((current + piece).rstrip()) <= width:
            current += piece
        elif current == label and cell_len(margin + word) > width:
            current += piece  # it fits nowhere, so it stays beside its label
        else:
            yield current.rstrip()
            current = (indent if cell_len(indent + word) <= width else margin) + word
    yield current.rstrip()
