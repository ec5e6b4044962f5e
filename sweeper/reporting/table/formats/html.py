"""The table as a fragment of HTML. The page that contains it has the stylesheet."""

from html import escape

from sweeper.reporting.table.content import Sheet, SheetCell, TableContent
from sweeper.reporting.table.formats.cell_text import compose_cell, one_line


def render(content: TableContent) -> str:
    """Return the sheet in HTML."""
    return render_sheet(content.sheet)


def render_sheet(sheet: Sheet) -> str:
    """Return a sheet as one `div` with a table, its caption, notes and collapsible details."""
    heads = "".join(f'<th scope="col">{_escape(head)}</th>' for head in sheet.heads)
    rows = [f"<tr>{''.join([*map(_name, names), *map(_cell, cells)])}</tr>" for names, cells in sheet.rows]
    lines = [
        *('<div class="results">', "<table>", f"<caption>{_escape(sheet.caption)}</caption>"),
        *(f"<thead><tr>{heads}</tr></thead>", "<tbody>", *rows, "</tbody>", "</table>"),
        *(_note(letter, text) for letter, text in sheet.notes),
    ]
    for heading, texts in sheet.details:
        terms = "".join(f"<dt>{_escape(name)}</dt><dd>{_escape(text)}</dd>" for name, text in texts)
        lines.append(f"<details><summary>{_escape(heading)}</summary><dl>{terms}</dl></details>")
    return "\n".join([*lines, "</div>"]) + "\n"


def _name(name: str) -> str:
    return f'<th scope="row">{_escape(name)}</th>'


def _cell(cell: SheetCell) -> str:
    footnotes = f"<sup>{cell.footnotes}</sup>" if cell.footnotes else ""
    text = compose_cell(cell, _escape, "<strong>{}</strong>".format, "<small>{}</small>".format)
    return f"<td>{text}{footnotes}</td>"


def _note(letter: str, text: str) -> str:
    return f'<p class="note">{f"<sup>{letter}</sup> " if letter else ""}{_escape(text)}</p>'


def _escape(text: str) -> str:
    return escape(one_line(text))
