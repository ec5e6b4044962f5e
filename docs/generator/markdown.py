"""Markdown from values: tables and inline code."""

import json
from collections.abc import Iterable, Sequence


def code(text: object) -> str:
    """Return `text` as inline code."""
    return f"`{text}`" if str(text) else ""


def value(item: object) -> str:
    """Return a value as a search space file writes it, as inline code."""
    return code(json.dumps(item, ensure_ascii=False).strip('"'))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table. A line break in a cell becomes a space, and a `|` outside code is escaped."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    parts = " ".join(text.split()).split("`")  # code is at the odd places
    return "`".join(part if index % 2 else part.replace("|", "\\|") for index, part in enumerate(parts))


def page(title: str, introduction: str, *parts: str) -> str:
    """Return a page that begins with its title and says that it is generated."""
    note = "*This page is made from the code.*"
    return "\n\n".join([f"# {title}", introduction, note, *(part.rstrip() for part in parts)]) + "\n"


def first_line(docstring: str | None) -> str:
    """Return the first paragraph of a docstring in one line, its names in `backticks` as they are."""
    return " ".join((docstring or "").strip().split("\n\n")[0].split())
