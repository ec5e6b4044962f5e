"""The table in Typst, as a figure that needs no package."""

import re
from collections.abc import Iterable

from sweeper.reporting.table.content import Lines, Sheet, SheetCell, TableContent
from sweeper.reporting.table.formats.cell_text import compose_cell, one_line

_SPECIAL = frozenset("\\#$*_`<>@~[]\"'=-+/")


def render(content: TableContent) -> str:
    """Return the sheet in Typst."""
    return render_sheet(content.sheet)


def render_sheet(sheet: Sheet) -> str:
    """Return a sheet as a `figure` with a `table` in it. Notes and details are paragraphs after it."""
    num_left = sheet.num_name_columns
    alignment = ", ".join(["left"] * num_left + ["right"] * (len(sheet.heads) - num_left))
    lines = [
        *("#figure(", f"  caption: [{_escape(sheet.caption)}],", "  table("),
        *(f"    columns: {len(sheet.heads)},", f"    align: ({alignment},),", "    stroke: none,"),
        *("    table.hline(),", f"    table.header({_row(map(_escape, sheet.heads))}),", "    table.hline(),"),
        *(f"    {_row([*map(_escape, names), *map(_cell, cells)])}," for names, cells in sheet.rows),
        *("    table.hline(),", "  ),", ")"),
    ]
    notes = [
        f"#text(size: 0.85em)[{f'{_superscript(letter)} {_escape(text)}'.lstrip()}]" for letter, text in sheet.notes
    ]
    details = [_item(heading, texts) for heading, texts in sheet.details]
    return "\n\n".join(["\n".join(lines), *notes, *details]) + "\n"


def _escape(text: str) -> str:
    """Return a text as Typst prints it literally, also where it begins like a numbered list or contains "..."."""
    escaped = "".join(f"\\{char}" if char in _SPECIAL else char for char in one_line(text))
    return re.sub(r"^(\d+)\.(?=\s|$)", r"\1\\.", escaped).replace("...", r"\.\.\.")


def _row(texts: Iterable[str]) -> str:
    return ", ".join(f"[{text}]" for text in texts)


def _cell(cell: SheetCell) -> str:
    text = compose_cell(cell, _escape, "#strong[{}]".format, "#text(size: 0.85em)[{}]".format)
    return text + _superscript(cell.footnotes)


def _superscript(letters: str) -> str:
    return f"#super[{letters}]" if letters else ""


def _item(heading: str, lines: Lines) -> str:
    """Return an item of a term list. A colon in its heading is escaped, because the first one ends the term."""
    term = _escape(heading).replace(":", r"\:")
    return f"/ {term}: {'; '.join(f'{_escape(name)}: {_escape(text)}' for name, text in lines)}."
