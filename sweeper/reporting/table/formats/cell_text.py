"""The text of a sheet's cell, shared by all formats that people read: mean ± deviation (counts)."""

from collections.abc import Callable

from sweeper.reporting.table.content import SheetCell


def compose_cell(
    cell: SheetCell, escape: Callable[[str], str], bold: Callable[[str], str], small: Callable[[str], str]
) -> str:
    """Return the text of a cell without its footnotes, made of the functions that mark up text in a format."""
    mean = bold(escape(cell.mean)) if cell.is_bold else escape(cell.mean)
    sd = f" {escape('±')} {escape(cell.sd)}" if cell.sd else ""
    counts = f" {small(escape(f'({cell.counts})'))}" if cell.counts else ""
    return mean + sd + counts
