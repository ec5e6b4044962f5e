"""Render a table as text in one of the formats."""

from sweeper.reporting.table.content import TableContent
from sweeper.reporting.table.formats import FORMATS
from sweeper.reporting.table.records import to_document, to_records
from sweeper.reporting.table.results_table import ResultsTable
from sweeper.reporting.table.sheet import to_sheet


def render(
    table: ResultsTable, format_name: str, *, detail: bool = False, brief: bool = False, colour: bool = False
) -> str:
    """Return a table in one of FORMATS, ending in a newline.

    With `detail`, it has the details of each cell; JSON always has them. With `brief`, its notes are the screen's. With
    `colour`, its cells are coloured by significance, if the format `has_colours`.
    """
    sheet = to_sheet(table, detail=detail, brief=brief, colour=colour and FORMATS[format_name].has_colours)
    content = TableContent(sheet, to_records(table, detail=detail), to_document(table))
    return FORMATS[format_name].render(content)
