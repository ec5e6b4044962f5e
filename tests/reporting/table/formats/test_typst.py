"""The table in Typst compiles, and no name is read as markup."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sweeper.reporting.table.content import Sheet, SheetCell
from sweeper.reporting.table.formats import typst
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import ResultsTable
from tests.reporting.table.formats.awkward import SHEET


def test_a_row_has_bold_deviation_counts_and_footnotes(table: ResultsTable) -> None:
    lines = render(table, "typst").splitlines()
    assert lines[:9] == [
        "#figure(",
        "  caption: [Test accuracy in %.],",
        "  table(",
        "    columns: 5,",
        "    align: (left, left, left, right, right,),",
        "    stroke: none,",
        "    table.hline(),",
        "    table.header([from], [encoder], [loss], [sst5], [sst2]),",
        "    table.hline(),",
    ]
    counts = "#text(size: 0.85em)[(3; 16)]"
    assert f"    [ours], [mini], [lcl], [#strong[60.5] ± 0.5 {counts}#super[bc]], [–]," in lines
    letter = "#text(size: 0.85em)[#super[b] fewer seeds were scored than planned: mini lcl on sst5 (3 of 4).]"
    assert letter in lines


def test_details_are_a_list_of_terms(table: ResultsTable) -> None:
    text = render(table, "typst", detail=True)
    assert (
        "\n/ mini lcl on sst5 (sst5\\-0000000a): setting: batch\\_size 32, learning\\_rate 3e\\-05 (trial 12);" in text
    )


def test_markup_in_names_is_escaped() -> None:
    text = typst.render_sheet(SHEET)
    commands = re.findall(r"(?<!\\)#(\w+)", text)
    assert set(commands) == {"figure", "strong", "super", "text"}
    assert not re.findall(r"(?<!\\)[$*_`<>@~\"']", text)
    assert "--" not in text.replace("\\-", "")
    unescaped = re.sub(r"\\.", "", text)
    assert unescaped.count("[") == unescaped.count("]")


@pytest.mark.parametrize(
    ("name", "literal"),
    [("1.", "1\\."), ("1. one", "1\\. one"), ("0.5", "0.5"), ("= x", "\\= x"), ("//", "\\/\\/"), ("...", "\\.\\.\\.")],
)
def test_a_text_that_looks_like_a_list_a_heading_or_a_comment_is_escaped(name: str, literal: str) -> None:
    text = typst.render_sheet(Sheet("", ("head",), (((), (SheetCell(name),)),), ()))
    assert f"    [{literal}]," in text.splitlines()


def test_a_colon_in_a_heading_does_not_end_the_term() -> None:
    text = typst.render_sheet(Sheet("", ("head",), (), (), (("a: b", (("c", "d"),)),)))
    assert text.endswith("\n/ a\\: b: c: d.\n")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("typst") is None, reason="typst is not installed")
def test_typst_compiles(table: ResultsTable, tmp_path: Path) -> None:
    file = tmp_path / "table.typ"
    file.write_text(typst.render_sheet(SHEET) + render(table, "typst", detail=True), encoding="utf-8")
    done = subprocess.run(["typst", "compile", file.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
