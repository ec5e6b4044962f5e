"""The table as a fragment of HTML. The page that contains it has the stylesheet."""

from sweeper.reporting.table.content import Sheet, TableContent


def render(content: TableContent) -> str:
    """Return the sheet in HTML."""
    return render_sheet(content.sheet)


def render_sheet(sheet: Sheet) -> str:
    """Return a sheet as one `div` with a table, its caption, notes and collapsible details."""
    from sweeper.reporting.templates.environment import render

    return str(render("sheet.html", sheet=sheet)) + "\n"
