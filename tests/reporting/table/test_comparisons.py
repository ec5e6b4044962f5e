"""Systems of a column are compared on the same test texts, and only a significant best is bold."""

import re
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.bold import Shape, simulate_tables
from sweeper.errors import RecordError, UsageError
from sweeper.protocol.finished_sweep import TestPredictions
from sweeper.protocol.statistics import holm_correction, mean_score, pairwise_differences
from sweeper.reporting.table.bold_note import bold_note
from sweeper.reporting.table.metrics import METRICS
from sweeper.reporting.table.results_table import build_table
from tests.reporting.table.helpers import CE, LCL, bold_losses, cell, note
from tests.support.fake_results import predictions_with, sweep


@pytest.mark.parametrize(
    "metric",
    [name for name, metric in METRICS.items() if metric.definition.fits_classes and not metric.definition.is_rescaled],
)
def test_systems_are_compared_by_every_metric_of_the_table_with_one_rule(metric: str) -> None:
    table = build_table([sweep({"ce": CE, "scl": [0.3, 0.2], "lcl": LCL}, ordered_classes=True)], metric)
    (lead,) = [pair.lead for pair in table.comparisons if "scl" not in str((pair.first, pair.second))]
    ce, lcl = cell(table, "mini ce"), cell(table, "mini lcl")
    assert ce.mean is not None
    assert lcl.mean is not None
    assert lead is not None
    assert lead.mean == pytest.approx(ce.mean - lcl.mean)
    assert lcl.interval is not None
    assert lcl.interval.mean == pytest.approx(lcl.mean)
    assert bold_losses(table) == ["lcl"]
    assert lcl.best_p == lead.p  # one column needs no correction, and scl has too few seeds to count
    assert ce.best_p is None
    influence = f"test texts, each text by its influence on {METRICS[metric].label}"
    assert (influence in note(table, "Bold: the best")) == (metric != "accuracy")
    close = [score + 0.005 for score in LCL]
    finished = sweep({"ce": CE, "scl": LCL, "lcl": close}, ordered_classes=True)
    assert bold_losses(build_table([finished], metric)) == []


def test_calibration_is_compared_after_scaling_with_the_temperature_of_validation() -> None:
    table = build_table([sweep({"ce": CE, "lcl": LCL})], "ece_scaled")  # on validation, all models are as poor as ce
    ce, lcl = cell(table, "mini ce"), cell(table, "mini lcl")
    for compared in (ce, lcl):
        assert compared.interval is not None
        assert compared.interval.mean == pytest.approx(compared.mean)
    assert bold_losses(table) == ["ce"]
    (pair,) = table.comparisons
    assert pair.lead is not None
    assert pair.lead.mean == pytest.approx((ce.mean or 0) - (lcl.mean or 0))
    assert pair.lead.mean < 0
    assert ce.best_p == pair.lead.p < 0.05


def test_a_metric_that_is_not_compared_makes_nothing_bold_and_a_note_says_so() -> None:
    text = bold_note([], [], replace(METRICS["ece"], is_compared=False), {}).text
    assert text == "Nothing is bold: systems cannot be compared by ECE, because it cannot be divided among texts."


def test_the_best_is_bold_if_its_lead_over_each_other_system_is_significant() -> None:
    table = build_table([sweep({"ce": CE, "scl": [0.50, 0.52, 0.51, 0.505, 0.51], "lcl": LCL})])
    assert bold_losses(table) == ["lcl"]
    assert "Holm" not in note(table, "Bold: the best")  # one claim needs no correction
    close = build_table([sweep({"ce": CE, "scl": LCL, "lcl": [score + 0.005 for score in LCL]})])
    assert bold_losses(close) == []


def test_intervals_leads_and_holms_correction_come_from_the_predictions_of_the_whole_table() -> None:
    first = sweep({"ce": CE, "scl": [0.55, 0.54, 0.56], "lcl": LCL})
    second = sweep({"ce": [0.8, 0.82, 0.81], "lcl": [0.81, 0.8, 0.82]}, "sst2-0000000b", dataset="sst2")
    table = build_table([first, second])
    correct = {
        (finished.results.dataset, result.system["loss"]): np.stack(
            [
                finished.predictions[seed.trial].labels == finished.predictions[seed.trial].predictions
                for seed in (result.confirmation.seeds if result.confirmation else ())
            ]
        )
        for finished in (first, second)
        for result in finished.results.systems
    }
    expected = {
        (dataset, ours, theirs): pairwise_differences([correct[dataset, ours], correct[dataset, theirs]])[0, 1]
        for dataset, ours, theirs in [
            *[("sst5", "ce", "scl"), ("sst5", "ce", "lcl"), ("sst5", "scl", "lcl"), ("sst2", "ce", "lcl")]
        ]
    }
    pairs = {(pair.dataset, dict(pair.first)["loss"], dict(pair.second)["loss"]): pair for pair in table.comparisons}
    assert {key: pair.lead for key, pair in pairs.items()} == expected
    assert [pair.corrected_p for pair in pairs.values()] == pytest.approx(
        holm_correction([estimate.p for estimate in expected.values()])
    )
    assert cell(table, "mini scl").interval == mean_score(correct["sst5", "scl"])


@pytest.mark.parametrize("short", ["ce", "lcl"])
def test_nothing_is_bold_if_the_best_or_second_best_has_fewer_than_three_seeds(short: str) -> None:
    scores = {"ce": CE, "lcl": LCL}
    table = build_table([sweep({**scores, short: scores[short][:2]})])
    (pair,) = table.comparisons
    assert pair.lead is not None
    assert bold_losses(table) == []
    assert bold_losses(build_table([sweep({**scores, short: scores[short][:3]})])) == ["lcl"]


def test_a_single_seed_is_shown_but_not_compared() -> None:
    table = build_table([sweep({"ce": [0.5], "lcl": LCL})])
    single = cell(table, "mini ce")
    assert (single.mean, single.sd, single.interval) == (0.5, None, None)
    assert [(pair.lead, pair.corrected_p, pair.reason) for pair in table.comparisons] == [(None, None, "a single seed")]
    assert note(table, "no two systems")


def test_a_lead_over_the_third_best_is_not_enough_for_bold() -> None:
    table = build_table([sweep({"ce": CE, "scl": [score - 0.002 for score in LCL], "lcl": LCL})])
    p_values = {(dict(pair.first)["loss"], dict(pair.second)["loss"]): pair.corrected_p for pair in table.comparisons}
    assert (p_values["ce", "lcl"] or 1) < 0.05
    assert bold_losses(table) == []


def test_bold_needs_no_correction_for_the_number_of_systems() -> None:
    """With Holm's correction for all pairs, the same lead would not be bold among six systems."""
    lcl = [0.53, 0.54, 0.53, 0.525, 0.52]
    others = {name: [score - 0.1 for score in CE] for name in ("scl", "lcl_inside", "scl_set_tau", "scl_two_phase")}
    table = build_table([sweep({"ce": CE, "lcl": lcl, **others})])
    (pair,) = [
        pair for pair in table.comparisons if {dict(pair.first)["loss"], dict(pair.second)["loss"]} == {"ce", "lcl"}
    ]
    assert pair.lead is not None
    assert pair.lead.p < 0.05
    assert bold_losses(table) == ["lcl"]


def test_bold_needs_a_significant_lead_over_a_system_that_came_out_third_with_fewer_seeds() -> None:
    few = [0.40, 0.50, 0.59]
    assert bold_losses(build_table([sweep({"ce": CE, "lcl": LCL})])) == ["lcl"]
    assert bold_losses(build_table([sweep({"ce": CE, "scl": few, "lcl": LCL})])) == []
    assert bold_losses(build_table([sweep({"ce": CE, "scl": few[:2], "lcl": LCL})])) == ["lcl"]  # too few to count


def test_the_note_on_bold_names_the_systems_that_were_not_tested() -> None:
    table = build_table([sweep({"ce": [0.7, 0.7, 0.71], "scl": [0.3, 0.95], "lcl": [0.8, 0.81, 0.8]})])
    assert bold_losses(table) == ["lcl"]
    (shown,) = [note for note in table.notes if "Bold: the best" in note.text]
    for text in (shown.text, shown.screen_text):
        others = "the second best and each other system that has at least 3 scored seeds and their predictions"
        assert f"over {others} is significant" in text or f"better than {others} (p below 0.05)" in text
        assert text.endswith(" Left out of the test: mini scl on sst5.")
    tested = build_table([sweep({"ce": [0.7, 0.7, 0.71], "scl": [0.3, 0.31, 0.3], "lcl": [0.8, 0.81, 0.8]})])
    assert "lead over each other system is significant" in note(tested, "Bold: the best")
    assert not any("Left out" in other.text for other in tested.notes)


@pytest.mark.parametrize(("scl", "has_predictions"), [([0.1] * 3, False), ([0.1], True), (None, True)])
def test_a_system_without_predictions_or_scores_is_named_as_not_tested(
    scl: list[float] | None, has_predictions: bool
) -> None:
    finished = sweep({"ce": CE, "scl": scl, "lcl": LCL})
    kept = {k: model for k, model in finished.predictions.items() if has_predictions or k != 111}
    table = build_table([replace(finished, predictions=kept)])
    assert bold_losses(table) == ["lcl"]
    assert note(table, "Bold: the best").endswith("Left out of the test: mini scl on sst5.")


def test_the_claims_of_several_columns_are_corrected_by_holms_method() -> None:
    scores = {"ce": CE, "lcl": [0.53, 0.54, 0.53, 0.525, 0.52]}
    columns = [sweep(scores, f"data-0000000{k}", dataset=f"data {k}") for k in range(4)]
    p = next(pair.lead.p for pair in build_table(columns[:1]).comparisons if pair.lead)
    assert p < 0.05 < 4 * p
    assert bold_losses(build_table(columns[:1])) == ["lcl"]
    assert bold_losses(build_table(columns)) == []
    assert "Holm's correction for the 4 columns whose best was tested" in note(build_table(columns), "Bold: the best")


def test_the_note_counts_the_columns_that_holms_method_counts() -> None:
    """A column whose best system has one seed makes no claim, though its other two systems are compared."""
    single = sweep({"ce": CE, "scl": LCL, "lcl": [0.9]}, "data-0000000b", dataset="data b")
    other = sweep({"ce": CE, "lcl": LCL}, "data-0000000c", dataset="data c")
    table = build_table([sweep({"ce": CE, "lcl": LCL}), single, other])
    assert sum(cell.best_p is not None for _, cell in table.system_cells()) == 2
    assert "Holm's correction for the 2 columns whose best was tested" in note(table, "Bold: the best")


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_equal_systems_are_rarely_bold(seeds: int, metric: str) -> None:
    counts = simulate_tables(80, Shape(2, 1, seeds, texts=300, metric=metric))
    assert counts["bold"] <= counts["allowed"] == 8


def test_a_true_lead_of_three_points_is_mostly_bold() -> None:
    assert simulate_tables(20, Shape(3, 1, 5, lead=0.03))["leader_bold"] > 10


@pytest.mark.slow
@pytest.mark.parametrize(("systems", "datasets"), [(2, 1), (3, 3)])
@pytest.mark.parametrize("seeds", [3, 5])
def test_a_thousand_tables_of_equal_systems(systems: int, datasets: int, seeds: int) -> None:
    counts = simulate_tables(1000, Shape(systems, datasets, seeds))
    assert counts["bold"] <= counts["allowed"] == 64


def test_different_test_texts_or_classes_are_rejected_with_both_sweeps_and_the_remedy() -> None:
    first = sweep({"ce": CE}, rows="1234")
    second = sweep({"lcl": LCL}, "sst5-0000000b", rows="1234", digest="another", texts=100)
    message = (
        "sst5: sst5-0000000a was tested on 200 texts of digest digest-o, sst5-0000000b on 100 texts of digest another; "
        "the sweeps of a column must have the same test set. Name the sweeps to show: sweeper table SWEEP..."
    )
    with pytest.raises(UsageError, match=re.escape(message)):
        build_table([second, first])
    with pytest.raises(UsageError, match="sst5-0000000b on the classes so so, bad, good"):
        build_table([first, sweep({"lcl": LCL}, "sst5-0000000b", rows="1234", labels=["so so", "bad", "good"])])
    with pytest.raises(UsageError):  # also by another metric
        build_table([first, second], "macro_f1")
    assert build_table(
        [first, sweep({"lcl": None}, "sst5-0000000b", rows="1234", digest="another", texts=100)]
    )  # it has no score on the test split


def test_predictions_that_contradict_the_scores_are_rejected() -> None:
    finished = sweep({"ce": CE})
    altered = replace(finished, predictions={**finished.predictions, 102: predictions_with(0.52, 200, 102)})
    with pytest.raises(
        RecordError, match=r"sst5-0000000a: trial 102 has accuracy 0\.5050 on 200 test texts, but its predictions"
    ):
        build_table([altered])
    with pytest.raises(RecordError, match=r"trial 102 has macro_f1 0\.50.. on 200 test texts, but its predictions"):
        build_table([altered], "macro_f1")
    with pytest.raises(RecordError, match=r"on 100: one of the two was altered; restore a copy of the sweep$"):
        build_table([replace(finished, predictions={**finished.predictions, 102: predictions_with(0.5, 100, 102)})])
    reversed_ = {
        k: TestPredictions(model.labels[::-1], model.predictions[::-1]) for k, model in finished.predictions.items()
    }
    with pytest.raises(RecordError, match="predictions belong to other test texts"):
        build_table([replace(finished, predictions={**finished.predictions, 104: reversed_[104]})])
