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


def wrap_words(text: str, width: int) -> str:
    """Return a text whose lines fit `width` columns, broken between words and indented as they begin.

    A word that is longer, such as a path or an address, stays whole, and so does a command.
    """
    return "\n".join(piece for line in text.split("\n") for piece in _wrap_line(line, width))


def _wrap_line(line: str, width: int) -> Iterator[str]:
    if cell_len(line) <= width:
        yield line
        return
    indent = line[: len(line) - len(line.lstrip())]
    current = ""
    for piece in _PIECE.findall(line):
        if current.strip() and cell_len((current + piece).rstrip()) > width:
            yield current.rstrip()
            current = indent + piece.lstrip()
        else:
            current += piece
    yield current.rstrip()
