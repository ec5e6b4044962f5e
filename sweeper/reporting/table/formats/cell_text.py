"""Texts that all formats for people share: a cell as mean ± deviation (counts), and any text on one line."""

from collections.abc import Callable

from sweeper.reporting.table.content import SheetCell
from sweeper.wording import show_controls


def one_line(text: str) -> str:
    """Return a text with single spaces, and with control characters as escapes, before its markup is escaped."""
    return show_controls(" ".join(text.split()))


def compose_cell(
    cell: SheetCell, escape: Callable[[str], str], bold: Callable[[str], str], small: Callable[[str], str]
) -> str:
    """Return the text of a cell without its footnotes, made of the functions that mark up text in a format."""
    mean = bold(escape(cell.mean)) if cell.is_bold else escape(cell.mean)
    sd = f" {escape('±')} {escape(cell.sd)}" if cell.sd else ""
    counts = f" {small(escape(f'({cell.counts})'))}" if cell.counts else ""
    return mean + sd + counts
