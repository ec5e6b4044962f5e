"""The table as CSV has plain numbers for programs."""

import csv
import io
import json

import pytest

from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import ResultsTable


def test_csv_has_a_line_for_each_cell_and_plain_numbers(table: ResultsTable) -> None:
    rows = list(csv.DictReader(io.StringIO(render(table, "csv"))))
    ours = [row for row in rows if row["from"] == "ours"]
    assert [(row["loss"], row["dataset"]) for row in ours] == [
        *[("ce", "sst5"), ("ce", "sst2"), ("scl", "sst2"), ("lcl", "sst5")]
    ]
    best = ours[-1]
    assert float(best["mean"]) == pytest.approx(0.605)
    assert (best["seeds"], best["planned_seeds"], best["bold"]) == ("3", "4", "True")
    assert float(best["low"]) < 0.605 < float(best["high"])
    assert best["caveats"] == "incomplete ended_badly"
    assert (ours[2]["mean"], ours[2]["sd"], ours[2]["caveats"]) == ("", "", "unconfirmed limited")
    published = [row for row in rows if row["from"] == "Suresh & Ong (2021)"]
    assert [(row["dataset"], row["mean"], row["sd"], row["seeds"]) for row in published] == [
        ("sst5", "0.585", "0.002", "5")
    ]
    assert "setting" not in best
    (detailed, *_) = csv.DictReader(io.StringIO(render(table, "csv", detail=True)))
    assert json.loads(detailed["setting"]) == {"batch_size": 32, "learning_rate": 3e-05}
    assert (detailed["runs"], detailed["test_accesses"], detailed["search_hours"]) == ("100 101 102", "3", "1.25")
