"""The table as JSON has everything, in standard JSON."""

import json
from dataclasses import replace
from typing import Any

import pytest

from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import ResultsTable, build_table
from tests.support.fake_results import sweep


def test_json_has_everything_and_no_infinity_or_nan(table: ResultsTable) -> None:
    def reject(constant: str) -> Any:
        raise AssertionError(constant)

    document = json.loads(render(table, "json"), parse_constant=reject)
    assert (document["metric"], list(document["datasets"])) == ("accuracy", ["sst5", "sst2"])
    assert document["datasets"]["sst5"] == {
        **{"name": "sst5", "rows": table.datasets["sst5"].column.rows, "origin": "the data set sst5 of the catalog"},
        **{"classes": 3, "sweeps": 1, "test_accesses": 6},
        **{"test_accesses_in_other_columns": 0, "test_accesses_elsewhere": 0},
        "test": {"texts": 200, "digest": "digest-of-sst5"},
    }
    (comparison,) = [one for one in document["comparisons"] if one["dataset"] == "sst5"]
    assert (comparison["first"]["loss"], comparison["second"]["loss"]) == ("ce", "lcl")
    assert comparison["lead"] == pytest.approx(-0.1)
    assert 0 < comparison["p"] <= comparison["corrected_p"] < 0.05
    best = document["cells"][-1]
    assert (best["bold"], best["caveats"]) == (True, {"incomplete": "3 of 4", "ended_badly": "1 diverged"})
    assert (best["source_trial"], best["planned_seeds"], best["search_mean"]) == (12, 4, 0.53)
    assert best["seeds"][2] == {**{"trial": 112, "seed": 1_000_112, "outcome": "diverged", "score": None, "run": None}}
    assert len(document["notes"]) == len(table.notes)
    assert {"paper": "Modarres & Raeisi", "encoder": "BERT-base", "loss": "ce", "dataset": "sst5"}.items() <= (
        next(score for score in document["published"] if score["encoder"] == "BERT-base").items()
    )


def test_models_with_equal_predictions_give_valid_json() -> None:
    finished = sweep({"ce": [0.5, 0.5], "lcl": [0.5, 0.5]})
    equal = dict.fromkeys(finished.predictions, finished.predictions[100])
    (pair,) = json.loads(render(build_table([replace(finished, predictions=equal)]), "json"))["comparisons"]
    assert (pair["lead"], pair["p"], pair["corrected_p"], pair["freedom"]) == (0, 1, 1, None)
