"""Rows are systems: an encoder with a loss, and other hyperparameters that distinguish them."""

from sweeper.reporting.table.results_table import build_table
from tests.reporting.table.helpers import CE, LCL, with_results
from tests.support.fake_results import sweep


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
