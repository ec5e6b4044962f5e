"""The table in LaTeX. A document needs the package booktabs for it and, for coloured cells, xcolor.

A comment above the table names the packages.
"""

import re
import unicodedata
from collections.abc import Iterable

from sweeper.reporting.table.content import Lines, Shade, Sheet, SheetCell, TableContent
from sweeper.reporting.table.formats.cell_text import compose_cell, one_line

_COLOURS = {Shade.BEST: "CCE5FF", Shade.OPEN: "FFF2CC"}  # differ in print without colour, and for the colour-blind
_TABCOLSEP = 6  # points; half of LaTeX's space between two columns
_LETTER_WIDTH = 4  # points, of a footnote's letter
_REPLACEMENTS = {
    **{char: f"\\{char}" for char in "&%$#_{}"},
    **{char: f"{{{char}}}" for char in "[]*"},  # \\ and \item would read these as an argument
    **{
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "`": r"\textasciigrave{}",
        "\0": "{}",
    },
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"},
    **{"±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "…": r"\dots{}", "–": "--", "“": "``", "”": "''", "’": "'"},
}
_OPENING_QUOTE = re.compile(r'(?<![^\s(\[])"(?=\S)')


def render(content: TableContent) -> str:
    """Return the sheet in LaTeX."""
    return render_sheet(content.sheet)


def render_sheet(sheet: Sheet) -> str:
    r"""Return a sheet as a `table` that needs \usepackage{booktabs}. Details are a list after it.

    With shades of cells, it also needs \usepackage[table]{xcolor}.
    """
    num_left = sheet.num_name_columns
    rows = ["\\midrule", *(_row([*map(escape, names), *map(_cell, cells)]) for names, cells in sheet.rows)]
    has_shades = any(cell.shade for _, cells in sheet.rows for cell in cells)
    packages = r"% \usepackage{booktabs} \usepackage[table]{xcolor}" if has_shades else r"% \usepackage{booktabs}"
    lines = [
        *(packages, r"\begin{table}", r"\centering", rf"\caption{{{escape(sheet.caption)}}}"),
        *_column_space(sheet, has_shades=has_shades),
        rf"\begin{{tabular}}{{@{{}}{'l' * num_left}{'r' * (len(sheet.heads) - num_left)}@{{}}}}",
        *(r"\toprule", _row(map(escape, sheet.heads)), *rows, r"\bottomrule", r"\end{tabular}", r"\par\smallskip"),
        r"\begin{minipage}{\linewidth}\footnotesize\raggedright",
        *(_note(letter, text) for letter, text in sheet.notes),
        *(r"\end{minipage}", r"\end{table}"),
    ]
    if sheet.details:
        items = [_item(heading, texts) for heading, texts in sheet.details]
        lines += [r"\begin{description}\footnotesize", *items, r"\end{description}"]
    return "\n".join(lines) + "\n"


def _column_space(sheet: Sheet, *, has_shades: bool) -> list[str]:
    """Return the command that widens the space between columns if the footnote letters, which lie in it, need more.

    Half of it belongs to each of two columns. Letters may not leave their own half if the next one can have a colour.
    """
    letters = max((len(cell.footnotes) for _, cells in sheet.rows for cell in cells), default=0)
    points = (2 if has_shades else 1) * _LETTER_WIDTH * letters / 2 + 2
    return [rf"\setlength{{\tabcolsep}}{{{points:g}pt}}"] if points > _TABCOLSEP else []


def escape(text: str) -> str:
    """Return a text as LaTeX prints it literally, with quotes that open and close.

    "--" is broken up, because LaTeX would print a dash.
    """
    separated = _OPENING_QUOTE.sub("“", one_line(text).replace("--", "-\0-"))
    return "".join(_REPLACEMENTS.get(char) or _printable(char) for char in separated)


def _printable(char: str) -> str:
    """Return a character that every LaTeX can print.

    Latin letters with accents stay. Otherwise the accent is dropped, and a letter of another script becomes its code.
    """
    if char.isascii():
        return char
    decomposed = unicodedata.normalize("NFD", char)
    if char <= "ÿ" and len(decomposed) > 1:
        return char
    return decomposed[0] if decomposed[0].isascii() else f"{{[}}U+{ord(char):04X}{{]}}"


def _row(texts: Iterable[str]) -> str:
    return " & ".join(texts) + r" \\"


def _cell(cell: SheetCell) -> str:
    footnotes = rf"\rlap{{\textsuperscript{{{cell.footnotes}}}}}" if cell.footnotes else ""  # decimals stay aligned
    colour = rf"\cellcolor[HTML]{{{_COLOURS[cell.shade]}}}" if cell.shade else ""
    return colour + compose_cell(cell, escape, r"\textbf{{{}}}".format, r"{{\footnotesize {}}}".format) + footnotes


def _note(letter: str, text: str) -> str:
    return rf"\textsuperscript{{{letter}}} {escape(text)}\par" if letter else rf"{escape(text)}\par"


def _item(heading: str, lines: Lines) -> str:
    return rf"\item[{{{escape(heading)}}}] {'; '.join(f'{escape(name)}: {escape(text)}' for name, text in lines)}."
