"""The same table in every format: nothing of a name is taken for the format's own, and LaTeX compiles."""

import copy
import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sweeper.reporting.table.formats import FORMATS, render
from sweeper.reporting.table.markup import Sheet, SheetCell, html, latex, markdown
from sweeper.reporting.table.results_table import FinishedSweep, ResultsTable, build_table
from tests.support.fake_results import sweep

AWKWARD = "\\ {a} [b] *c* _d_ #1 50% $x$ ~ ^ & | <i> \"q\" 'é' `w` -- ---\nß ą Ж نظر – ± … “x”"


@pytest.fixture
def made() -> ResultsTable:
    """Two data sets, a winner, an unconfirmed cell, a part of the rows, and the papers."""
    first = sweep({"ce": [0.50, 0.51, 0.505], "lcl": [0.6, 0.61, "diverged", 0.605]})
    second = sweep({"ce": [0.9, 0.91], "scl": None}, "sst2-0000000b", dataset="sst2", limited={"train": 500})
    return build_table([first, second], published=True)


def test_markdown_is_aligned_for_a_screen_with_the_notes_below(made: ResultsTable) -> None:
    lines = render(made, "md").splitlines()
    assert lines[:6] == [
        "| from                | encoder          | loss |                     sst5 |                sst2 |",
        "| ------------------- | ---------------- | ---- | -----------------------: | ------------------: |",
        "| ours                | mini             | ce   |       50.5 ± 0.5 (3; 16) | 90.5 ± 0.7 (2; 16)ᵈ |",
        "| ours                | mini             | scl  |                        – |         – (0; 16)ᵃᵈ |",
        "| ours                | mini             | lcl  | **60.5** ± 0.5 (3; 16)ᵇᶜ |                   – |",
        "| Suresh & Ong (2021) | ELECTRA-base     | lcl  |           58.5 ± 0.2 (5) |      94.5 ± 0.1 (5) |",
    ]
    assert "ᵇ fewer seeds were scored than planned: mini lcl on sst5 (3 of 4)." in lines


def test_without_papers_no_column_says_from_where() -> None:
    assert render(build_table([sweep({"ce": [0.5]})]), "md").startswith("| encoder | loss |         sst5 |\n")


def test_one_seed_has_no_deviation_and_a_paper_without_a_figure_says_so() -> None:
    text = render(
        build_table([sweep({"ce": [0.5]}), sweep({"ce": [0.5]}, "sst2-0000000b", dataset="sst2")], published=True), "md"
    )
    assert "50.0 (1; 16) |" in text
    assert re.search(r"BERT-base, cased \| ce   \| +50 \| +n/a \|", text)


def test_details_say_setting_cost_test_accesses_interval_optimism_and_the_run_behind_each_number() -> None:
    one = sweep({"ce": [0.50, 0.51, "diverged"], "lcl": None}, gpu=0.5)
    text = render(build_table([replace(one, runs={100: "0a1b", 101: "2c3d"})]), "md", detail=True)
    _, _, found = text.partition("**mini ce on sst5 (sst5-0000000a)**")
    assert found.splitlines()[2:10] == [
        "- setting: batch_size 32, learning_rate 3e-05 (of trial 12)",
        "- search: 16 trials (5 completed, 10 stopped early, 1 diverged, 2 with a setting tried before), 61 epochs, "
        "0.62 GPU hours",
        "- confirmed: 3 of 3 seeds, 50 epochs, 0.50 GPU hours",
        "- validation: accuracy 0.5300 in the search, 0.5200 with fresh seeds, selection optimism +0.0100",
        "- test: 50.5, 95 % interval 43.8 to 57.2, 2 looks",
        "- seed 1000100: 50.0, trial 100, run 0a1b",
        "- seed 1000101: 51.0, trial 101, run 2c3d",
        "- seed 1000102: not scored, diverged, trial 102",
    ]
    assert "2.50 CPU hours" in render(build_table([sweep({"ce": [0.5]})]), "md", detail=True)
    assert "**mini lcl on sst5 (sst5-0000000a)**\n\n- search: 16 trials" in text


# ---- for programs


def test_csv_has_a_row_for_each_cell_and_plain_numbers(made: ResultsTable) -> None:
    rows = list(csv.DictReader(io.StringIO(render(made, "csv"))))
    ours = [row for row in rows if row["from"] == "ours"]
    assert [(row["loss"], row["dataset"]) for row in ours] == [
        *[("ce", "sst5"), ("ce", "sst2"), ("scl", "sst2"), ("lcl", "sst5")]
    ]
    best = ours[-1]
    assert float(best["mean"]) == pytest.approx(0.605)
    assert (best["seeds"], best["planned"], best["bold"]) == ("3", "4", "True")
    assert float(best["low"]) < 0.605 < float(best["high"])
    assert best["marks"] == "incomplete ended_badly"
    assert (ours[2]["mean"], ours[2]["sd"], ours[2]["marks"]) == ("", "", "unconfirmed limited")
    theirs = [row for row in rows if row["from"] == "Suresh & Ong (2021)"]
    assert [(row["mean"], row["sd"], row["seeds"]) for row in theirs] == [
        ("0.585", "0.002", "5"),
        ("0.945", "0.001", "5"),
    ]
    assert "setting" not in best
    (detailed, *_) = csv.DictReader(io.StringIO(render(made, "csv", detail=True)))
    assert json.loads(detailed["setting"]) == {"batch_size": 32, "learning_rate": 3e-05}
    assert (detailed["runs"], detailed["looks"], detailed["search_hours"]) == ("100 101 102", "3", "1.25")


def test_json_has_everything_and_only_what_json_allows(made: ResultsTable) -> None:
    def refuse(name: str) -> Any:
        raise AssertionError(name)

    found = json.loads(render(made, "json"), parse_constant=refuse)
    assert (found["metric"], list(found["datasets"])) == ("accuracy", ["sst5", "sst2"])
    assert found["datasets"]["sst5"] == {
        **{"classes": 3, "sweeps": 1, "looks": 6, "looks_elsewhere": 0},
        "test": {"texts": 200, "digest": "digest-of-sst5"},
    }
    (pair,) = [pair for pair in found["pairs"] if pair["dataset"] == "sst5"]
    assert (pair["ours"]["loss"], pair["theirs"]["loss"], pair["lead"]) == ("ce", "lcl", pytest.approx(-0.1))
    assert 0 < pair["p"] <= pair["holm"] < 0.05
    best = found["cells"][-1]
    assert (best["bold"], best["marks"]) == (True, {"incomplete": "3 of 4", "ended_badly": "1 diverged"})
    assert best["seeds"][2] == {**{"trial": 112, "seed": 1_000_112, "outcome": "diverged", "score": None, "run": None}}
    assert len(found["notes"]) == len(made.notes)
    assert {"paper": "Modarres & Raeisi", "encoder": "BERT-base", "loss": "ce", "dataset": "sst5"}.items() <= (
        next(one for one in found["published"] if one["encoder"] == "BERT-base").items()
    )


def test_models_that_are_all_alike_are_json_too() -> None:
    one = sweep({"ce": [0.5, 0.5], "lcl": [0.5, 0.5]})
    same = dict.fromkeys(one.predictions, one.predictions[100])
    (pair,) = json.loads(render(build_table([replace(one, predictions=same)]), "json"))["pairs"]
    assert (pair["lead"], pair["p"], pair["holm"], pair["freedom"]) == (0, 1, 1, None)


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_results_give_the_same_bytes(format: str) -> None:
    def read_back(one: FinishedSweep) -> FinishedSweep:
        return replace(one, results=json.loads(json.dumps(one.results)))

    sweeps = [sweep({"ce": [0.5, 0.51], "lcl": [0.6, 0.61]}), sweep({"ce": [0.9]}, "sst2-0000000b", dataset="sst2")]
    again = [read_back(copy.deepcopy(one)) for one in reversed(sweeps)]
    assert render(build_table(sweeps), format, detail=True) == render(build_table(again), format, detail=True)
    assert render(build_table(sweeps), format).endswith("\n")


# ---- what a format would take for its own

SHEET = Sheet(
    AWKWARD,
    ("[head]", AWKWARD, "sst_5"),
    (
        (("[x]", AWKWARD), (SheetCell("55.6", "0.6", "5; 16", bold=True, footnotes="ab"),)),
        (("*", ""), (SheetCell("–"),)),
    ),
    (("a", AWKWARD), ("", AWKWARD)),
    ((AWKWARD, ((AWKWARD, AWKWARD),)), ("[y]", (("a", "b"),))),
)


def test_markdown_takes_nothing_of_a_name_for_its_own() -> None:
    table_, *_ = markdown(SHEET).split("\n\n")
    lines = table_.split("\n")
    assert len(lines) == 4
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in lines)
    assert not re.findall(r"(?<!\\)[<`]", table_)


class Page(HTMLParser):
    """The elements of a fragment, and its text; an element that is not closed is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_a_closed_fragment_with_a_caption_and_scopes(made: ResultsTable) -> None:
    page = Page(html(SHEET))
    assert " ".join(AWKWARD.split()) in page.text
    assert not [tag for tag, _ in page.found if tag == "i"]
    page = Page(render(made, "html", detail=True))
    assert [tag for tag, _ in page.found].count("caption") == 1
    scopes = [attributes.get("scope") for tag, attributes in page.found if tag == "th"]
    assert (scopes.count("col"), scopes.count("row"), scopes.count(None)) == (5, 3 * len(made.rows), 0)
    assert "60.5 ± 0.5 (3; 16)" in page.text


def test_latex_is_balanced_and_every_row_has_its_columns(made: ResultsTable) -> None:
    for text in (latex(SHEET), render(made, "latex", detail=True)):
        plain = re.sub(r"\\[\\&%$#_{}]", "", text)
        assert plain.count("{") == plain.count("}")
        assert re.findall(r"\\begin\{(\w+)\}", text).sort() == re.findall(r"\\end\{(\w+)\}", text).sort()
        body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
        columns = re.search(r"@\{\}(\w+)@\{\}", text)
        assert columns is not None
        rows = [row for row in body.splitlines() if row.endswith(r"\\")]
        assert rows
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns[1])}
        assert text.isascii() or set(re.sub(r"[\x00-\x7f]", "", text)) <= set("éß")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles_with_booktabs_alone(made: ResultsTable, tmp_path: Path) -> None:
    body = latex(SHEET) + render(made, "latex", detail=True)
    file = tmp_path / "table.tex"
    file.write_text(
        rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{body}\end{{document}}", encoding="utf-8"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", file.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "! " not in done.stdout
