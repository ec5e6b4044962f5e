"""The table as a fragment of HTML. The page that contains it has the stylesheet."""

from sweeper.reporting.table.content import Sheet, SheetCell, TableContent
from sweeper.reporting.table.formats.cell_text import compose_cell, one_line


def render(content: TableContent) -> str:
    """Return the sheet in HTML."""
    return render_sheet(content.sheet)


def render_sheet(sheet: Sheet) -> str:
    """Return a sheet as one `div` with a table, its caption, notes and collapsible details."""
    from sweeper.reporting.templates.environment import Html, escape, render

    def escaped(text: str) -> str:
        return str(escape(text))  # as plain text, because Html escapes what is added to it

    def compose(cell: SheetCell) -> Html:
        return Html(compose_cell(cell, escaped, "<strong>{}</strong>".format, "<small>{}</small>".format))

    return str(render("sheet.html", sheet=sheet, compose=compose, one_line=one_line)) + "\n"
