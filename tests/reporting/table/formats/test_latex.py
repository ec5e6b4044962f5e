"""The table in LaTeX compiles, and no name is read as a command."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sweeper.reporting.table.content import Shade, Sheet, SheetCell
from sweeper.reporting.table.formats import latex
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import ResultsTable, build_table
from tests.reporting.table.formats.awkward import SHEET
from tests.reporting.table.helpers import CE, LCL
from tests.support.fake_results import sweep


def test_latex_is_balanced_and_every_row_has_all_columns(table: ResultsTable) -> None:
    for text in (latex.render_sheet(SHEET), render(table, "latex", detail=True)):
        unescaped = re.sub(r"\\[\\&%$#_{}]", "", text)
        assert unescaped.count("{") == unescaped.count("}")
        assert sorted(re.findall(r"\\begin\{(\w+)\}", text)) == sorted(re.findall(r"\\end\{(\w+)\}", text))
        body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
        columns = re.search(r"@\{\}(\w+)@\{\}", text)
        assert columns is not None
        rows = [row for row in body.splitlines() if row.endswith(r"\\")]
        assert rows
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns[1])}
        assert text.isascii() or set(re.sub(r"[\x00-\x7f]", "", text)) <= set("éß")


def test_footnotes_have_no_width_so_that_the_decimals_of_a_column_align() -> None:
    table = build_table([sweep({"ce": CE, "lcl": [*LCL, "diverged"]})])
    text = render(table, "latex")
    (row,) = [line for line in text.splitlines() if "mini & lcl" in line]
    assert row.endswith(r"{\footnotesize (5; 16)}\rlap{\textsuperscript{ab}} \\")
    assert r"\begin{tabular}{@{}llr@{}}" in text
    assert "tabcolsep" not in text


@pytest.mark.parametrize(
    ("letters", "shade", "expected"),
    [("ab", None, []), ("abc", None, ["8pt"]), ("a", Shade.BEST, []), ("ab", Shade.BEST, ["10pt"])],
)
def test_columns_are_farther_apart_if_footnotes_need_it(letters: str, shade: Shade | None, expected: list[str]) -> None:
    cell = SheetCell("50.0", footnotes=letters, shade=shade)
    text = latex.render_sheet(Sheet("Test.", ("loss", "sst5"), ((("ce",), (cell,)),), ()))
    assert re.findall(r"\\setlength\{\\tabcolsep\}\{(.*)\}", text) == expected


def shades(text: str) -> list[str]:
    """Return the colours of the cells, row by row; "" for a cell without colour."""
    rows = [row for row in text.splitlines() if row.startswith("mini & ")]
    return [(re.findall(r"cellcolor\[HTML\]\{(\w+)\}", row) or [""])[0] for row in rows]


NEAR, FAR = [0.502, 0.509, 0.507, 0.501, 0.513], [0.2, 0.21, 0.205, 0.2, 0.21]


@pytest.mark.parametrize(
    ("systems", "expected"),
    [
        ({"ce": CE, "scl": FAR, "lcl": LCL}, ["", "", "CCE5FF"]),  # a bold best, and nothing else
        ({"ce": CE, "scl": FAR, "lcl": NEAR}, ["FFF2CC", "", "FFF2CC"]),  # two that are not told apart
        ({"ce": [0.5], "scl": FAR, "lcl": LCL}, ["", "", "FFF2CC"]),  # too few seeds for bold
        ({"ce": CE}, [""]),  # nothing to compare with
    ],
)
def test_colours_follow_the_rule_for_bold(systems: dict[str, list[float]], expected: list[str]) -> None:
    table = build_table([sweep(systems)])
    text = render(table, "latex", colour=True)
    assert shades(text) == expected
    used = set(expected) - {""}
    first = r"% \usepackage{booktabs}" + (r" \usepackage[table]{xcolor}" if used else "")
    assert text.splitlines()[0] == first
    assert [(word in text) for word in ("Blue: ", "Yellow: ")] == [("CCE5FF" in used), ("FFF2CC" in used)]
    assert [row.is_bold for _, row in table.system_cells()] == [colour == "CCE5FF" for colour in expected]
    assert "cellcolor" not in render(table, "latex")
    assert render(table, "md", colour=True) == render(table, "md")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("colour", [False, True])
def test_latex_compiles_with_the_packages_that_it_names(table: ResultsTable, tmp_path: Path, *, colour: bool) -> None:
    body = latex.render_sheet(SHEET) + render(table, "latex", detail=True)
    packages = r"\usepackage{booktabs}"
    if colour:
        body, packages = body + render(table, "latex", colour=True), rf"{packages}\usepackage[table]{{xcolor}}"
    file = tmp_path / "table.tex"
    file.write_text(rf"\documentclass{{article}}{packages}\begin{{document}}{body}\end{{document}}", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", file.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "! " not in done.stdout


def test_quotes_open_and_close() -> None:
    assert latex.escape('lacks 1 of 3: "weird" and ("odd")') == "lacks 1 of 3: ``weird'' and (``odd'')"
