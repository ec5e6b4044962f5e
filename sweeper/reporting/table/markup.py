"""A sheet of figures as people read it: Markdown for the screen, LaTeX for a paper, HTML for a page.

Whatever stands in a sheet is plain text; each function escapes what its format would take for its own.
"""

import html as _html
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Lines = Sequence[tuple[str, str]]  # what a line is of, and what it says
_RAISED = str.maketrans("abcdefghij", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲ")


@dataclass(frozen=True)
class SheetCell:
    """One place of the sheet: 55.6 ± 0.6 (5; 16), with its footnote signs; what is empty is left out."""

    mean: str
    sd: str = ""
    counts: str = ""
    bold: bool = False
    footnotes: str = ""


@dataclass(frozen=True)
class Sheet:
    """Rows of names and figures below `heads`, and notes below them, each with its sign; `details` have headings."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], tuple[SheetCell, ...]], ...]
    notes: tuple[tuple[str, str], ...]
    details: Sequence[tuple[str, Lines]] = ()


# ---- Markdown


def markdown(sheet: Sheet) -> str:
    """The sheet as a Markdown table, aligned for a screen, with its notes below."""
    heads = [_md(head) for head in sheet.heads]
    rows = [[*map(_md, names), *map(_md_figure, figures)] for names, figures in sheet.rows]
    left = len(heads) - (len(sheet.rows[0][1]) if sheet.rows else 0)
    widths = [max(3, *(len(row[k]) for row in [heads, *rows])) for k in range(len(heads))]
    rule = [f"{'-' * (width - 1)}{'-' if k < left else ':'}" for k, width in enumerate(widths)]
    lines = [_padded(row, widths, left) for row in (heads, rule, *rows)]
    notes = [f"{sign.translate(_RAISED)} {_md(text)}" if sign else _md(text) for sign, text in sheet.notes]
    found = ["\n".join(lines), *notes]
    for heading, told in sheet.details:
        found += [f"**{_md(heading)}**", "\n".join(f"- {_md(name)}: {_md(text)}" for name, text in told)]
    return "\n\n".join(found) + "\n"


def _padded(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    padded = (
        f"{text:<{w}}" if k < left else f"{text:>{w}}" for k, (text, w) in enumerate(zip(row, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"


def _md(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "\\|*`<[" else sign for sign in " ".join(text.split()))


def _md_figure(figure: SheetCell) -> str:
    return _composed(figure, _md, "**{}**".format, str) + figure.footnotes.translate(_RAISED)


def _composed(
    figure: SheetCell, text: Callable[[str], str], bold: Callable[[str], str], small: Callable[[str], str]
) -> str:
    mean = bold(text(figure.mean)) if figure.bold else text(figure.mean)
    sd = f" {text('±')} {text(figure.sd)}" if figure.sd else ""
    return mean + sd + (f" {small(text(f'({figure.counts})'))}" if figure.counts else "")


# ---- LaTeX

_TEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{sign: f"{{{sign}}}" for sign in "[]*"},  # which \\ and \item would take for their own
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\0": "{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"},
    **{"±": r"$\pm$", "×": r"$\times$", "·": r"$\cdot$", "…": r"\dots{}", "–": "--", "“": "``", "”": "''", "’": "'"},
}


def latex(sheet: Sheet) -> str:
    r"""The sheet as a `table` that needs \usepackage{booktabs} and nothing else; details are a list after it."""
    left = len(sheet.heads) - (len(sheet.rows[0][1]) if sheet.rows else 0)
    rows = ["\\midrule", *(_tex_row([*map(_tex, names), *map(_tex_figure, found)]) for names, found in sheet.rows)]
    notes = [
        rf"\textsuperscript{{{sign}}} {_tex(text)}\par" if sign else rf"{_tex(text)}\par" for sign, text in sheet.notes
    ]
    lines = [
        *(r"% \usepackage{booktabs}", r"\begin{table}", r"\centering", rf"\caption{{{_tex(sheet.caption)}}}"),
        rf"\begin{{tabular}}{{@{{}}{'l' * left}{'r' * (len(sheet.heads) - left)}@{{}}}}",
        *(r"\toprule", _tex_row(map(_tex, sheet.heads)), *rows, r"\bottomrule", r"\end{tabular}", r"\par\smallskip"),
        *(r"\begin{minipage}{\linewidth}\footnotesize\raggedright", *notes, r"\end{minipage}", r"\end{table}"),
    ]
    if sheet.details:
        lines += [
            r"\begin{description}\footnotesize",
            *(_tex_item(*one) for one in sheet.details),
            r"\end{description}",
        ]
    return "\n".join(lines) + "\n"


def _tex(text: str) -> str:
    parted = " ".join(text.split()).replace("--", "-\0-")  # no dash of two hyphens
    return "".join(_TEX.get(sign) or _letter(sign) for sign in parted)


def _letter(sign: str) -> str:
    """A letter as every LaTeX can set it: one with an accent as it is, of other scripts its number."""
    if sign.isascii():
        return sign
    parts = unicodedata.normalize("NFD", sign)
    if sign <= "ÿ" and len(parts) > 1:
        return sign
    return parts[0] if parts[0].isascii() else f"{{[}}U+{ord(sign):04X}{{]}}"


def _tex_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _tex_figure(figure: SheetCell) -> str:
    signs = rf"\textsuperscript{{{figure.footnotes}}}" if figure.footnotes else ""
    return _composed(figure, _tex, r"\textbf{{{}}}".format, r"{{\footnotesize {}}}".format) + signs


def _tex_item(heading: str, told: Lines) -> str:
    return rf"\item[{{{_tex(heading)}}}] {'; '.join(f'{_tex(name)}: {_tex(text)}' for name, text in told)}."


# ---- HTML


def html(sheet: Sheet) -> str:
    """The sheet as a fragment of a page: a table with its caption, its notes and details; the page has the style."""
    heads = "".join(f'<th scope="col">{_safe(head)}</th>' for head in sheet.heads)
    rows = [f"<tr>{''.join([*map(_named, names), *map(_html_figure, found)])}</tr>" for names, found in sheet.rows]
    notes = [f'<p class="note">{f"<sup>{sign}</sup> " if sign else ""}{_safe(text)}</p>' for sign, text in sheet.notes]
    lines = [
        *('<div class="results">', "<table>", f"<caption>{_safe(sheet.caption)}</caption>"),
        *(f"<thead><tr>{heads}</tr></thead>", "<tbody>", *rows, "</tbody>", "</table>", *notes),
    ]
    for heading, told in sheet.details:
        terms = "".join(f"<dt>{_safe(name)}</dt><dd>{_safe(text)}</dd>" for name, text in told)
        lines.append(f"<details><summary>{_safe(heading)}</summary><dl>{terms}</dl></details>")
    return "\n".join([*lines, "</div>"]) + "\n"


def _named(name: str) -> str:
    return f'<th scope="row">{_safe(name)}</th>'


def _html_figure(figure: SheetCell) -> str:
    signs = f"<sup>{figure.footnotes}</sup>" if figure.footnotes else ""
    return f"<td>{_composed(figure, _safe, '<strong>{}</strong>'.format, '<small>{}</small>'.format)}{signs}</td>"


def _safe(text: str) -> str:
    return _html.escape(" ".join(text.split()))
