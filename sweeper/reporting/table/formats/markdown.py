"""The table in Markdown, aligned so that it is also readable as plain text on a screen."""

from collections.abc import Sequence

from sweeper.reporting.table.content import Sheet, SheetCell, TableContent
from sweeper.reporting.table.formats.cell_text import compose_cell, one_line
from sweeper.wording import escape_markdown

_SUPERSCRIPTS = str.maketrans("abcdefghij", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲ")


def render(content: TableContent) -> str:
    """Return the sheet in Markdown."""
    return render_sheet(content.sheet)


def render_sheet(sheet: Sheet) -> str:
    """Return a sheet as a Markdown table with its notes and details below."""
    heads = [_escape(head) for head in sheet.heads]
    rows = [[*map(_escape, names), *map(_cell, cells)] for names, cells in sheet.rows]
    num_left = sheet.num_name_columns
    widths = [max(3, *(len(row[k]) for row in [heads, *rows])) for k in range(len(heads))]
    rule = [f"{'-' * (width - 1)}{'-' if k < num_left else ':'}" for k, width in enumerate(widths)]
    table = "\n".join(_pad(row, widths, num_left) for row in (heads, rule, *rows))
    notes = [f"{letter.translate(_SUPERSCRIPTS)} {_escape(text)}".lstrip() for letter, text in sheet.notes]
    paragraphs = [table, *notes]
    for heading, lines in sheet.details:
        items = "\n".join(f"- {_escape(name)}: {_escape(text)}" for name, text in lines)
        paragraphs += [f"**{_escape(heading)}**", items]
    return "\n\n".join(paragraphs) + "\n"


def _pad(row: Sequence[str], widths: Sequence[int], num_left: int) -> str:
    """Return a row with its cells padded to `widths`, the first `num_left` of them aligned left."""
    aligned = [
        text.ljust(width) if k < num_left else text.rjust(width)
        for k, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return f"| {' | '.join(aligned)} |"


def _escape(text: str) -> str:
    return escape_markdown(one_line(text))


def _cell(cell: SheetCell) -> str:
    return compose_cell(cell, _escape, "**{}**".format, str) + cell.footnotes.translate(_SUPERSCRIPTS)
