"""The table in LaTeX compiles, and no name is read as a command."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sweeper.reporting.table.formats import latex
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import ResultsTable
from tests.reporting.table.formats.awkward import SHEET


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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles_with_only_booktabs(table: ResultsTable, tmp_path: Path) -> None:
    body = latex.render_sheet(SHEET) + render(table, "latex", detail=True)
    file = tmp_path / "table.tex"
    file.write_text(
        rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{body}\end{{document}}", encoding="utf-8"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", file.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "! " not in done.stdout
