"""Rows are systems: an encoder with a loss, and other hyperparameters that distinguish them."""

from pathlib import Path

from sweeper.protocol.results import stored_results
from sweeper.reporting.table.results_table import build_table
from sweeper.reporting.table.systems import name_systems
from sweeper.trials.outcome import Outcome
from tests.reporting.table.helpers import CE, LCL, with_results
from tests.support.fake_results import sweep
from tests.support.recorded_sweeps import RecordedSweep


def test_an_encoder_or_loss_that_a_sweep_does_not_vary_belongs_to_its_systems() -> None:
    finished = sweep({"ce": CE, "lcl": LCL})
    results = finished.results.to_dict()
    for result in results["systems"]:
        del result["system"]["encoder"]
    table = build_table([with_results(finished, results)])  # `resolved` names one encoder
    assert [row.names for row in table.rows] == [("mini", "ce"), ("mini", "lcl")]
    results["training"] = {"encoder": "gru", "epochs": 3}
    assert [row.names for row in build_table([with_results(finished, results)]).rows] == [
        ("gru", "ce"),
        ("gru", "lcl"),
    ]
    for result, pooling in zip(results["systems"], ("cls", "mean"), strict=True):
        result["system"] = {"pooling": pooling}
    table = build_table([with_results(finished, results)])
    assert table.hyperparameters == ("encoder", "loss", "pooling")
    assert [row.names for row in table.rows] == [("gru", "ce", "cls"), ("gru", "ce", "mean")]


def test_a_searched_hyperparameter_is_not_part_of_the_system() -> None:
    finished = sweep({"ce": CE})
    results = finished.results.to_dict()
    results["systems"][0]["system"] = {}
    results["systems"][0]["best"]["params"] |= {"encoder": "owner/mini", "loss": "scl"}
    results["training"] = {"epochs": 3}
    assert [row.names for row in build_table([with_results(finished, results)]).rows] == [("–", "–")]


def test_a_hyperparameter_was_searched_also_where_no_trial_has_a_score(tmp_path: Path) -> None:
    search = {"loss": ["ce", "scl"], "learning_rate": {"log": [1e-5, 1e-3]}}
    compare = {"encoder": ["gru"], "pooling": ["cls", "mean"]}
    failed = RecordedSweep(tmp_path, compare=compare, search=search).search([Outcome.FAILED] * 2).finish()
    results = stored_results(failed.folder)
    assert results is not None
    assert name_systems(results) == ["gru – cls", "gru – mean"]


def test_encoders_with_equal_names_keep_their_owners() -> None:
    table = build_table([sweep({"a/mini ce": CE, "b/mini ce": LCL, "c/big ce": CE})])
    assert [row.names[0] for row in table.rows] == ["a/mini", "b/mini", "big"]


def test_another_hyperparameter_is_a_column_if_it_distinguishes_rows() -> None:
    finished = sweep({"ce": CE, "lcl": LCL})
    results = finished.results.to_dict()
    for result, frozen in zip(results["systems"], (True, False), strict=True):
        result["system"] |= {"loss": "ce", "freeze_embeddings": frozen, "pooling": "cls"}
    table = build_table([with_results(finished, results)])
    assert table.hyperparameters == ("encoder", "loss", "freeze_embeddings")
    assert [row.names for row in table.rows] == [("mini", "ce", "true"), ("mini", "ce", "false")]
