"""The metrics of the table come from the registry of training, and each can be shown."""

import pytest

from sweeper.reporting.table.cells import Caveat
from sweeper.reporting.table.metrics import METRICS
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import build_table
from sweeper.training import metric_registry
from tests.reporting.table.helpers import CE, LCL, cell, note, with_results
from tests.support.fake_results import sweep


def test_metrics_are_those_that_are_scores_and_systems_are_compared_by_each() -> None:
    assert set(METRICS) == {name for name, metric in metric_registry.METRICS.items() if metric.better}
    assert all(metric.is_compared for metric in METRICS.values())
    labels = [METRICS[name].label for name in ("accuracy", "mcc", "brier")]
    assert labels == ["accuracy", "MCC", "Brier score"]  # within a sentence, a name keeps its capital


@pytest.mark.parametrize("name", METRICS)
def test_the_caption_has_the_label_of_the_metric(name: str) -> None:
    html = render(build_table([sweep({"ce": CE, "lcl": LCL})], name), "html")
    assert f"<caption>Test {METRICS[name].heading}.</caption>" in html


def test_a_metric_of_one_class_has_a_reason_where_a_data_set_lacks_the_class() -> None:
    with_class, without = sweep({"ce": CE, "lcl": LCL}), sweep({"ce": CE}, "a-0000000b", dataset="a")
    without = with_results(without, {**without.results.to_dict(), "labels": ["bad", "good", "other"]})
    table = build_table([with_class, without], "f1/so so")
    assert cell(table, "mini lcl").mean is not None
    assert cell(table, "mini ce", "a").caveats[Caveat.NO_SCORE] == "its data set has no class so so"
    assert note(table, "F1 of so so: ").startswith("F1 of so so: The harmonic mean of the class's precision and recall")
    assert "<caption>Test F1 of so so in %.</caption>" in render(table, "html")


@pytest.mark.parametrize("name", [name for name in METRICS if name != "accuracy"])
def test_the_note_of_a_metric_begins_with_its_name_and_keeps_the_names_in_it(name: str) -> None:
    entry = METRICS[name].definition
    assert note(build_table([sweep({"ce": CE, "lcl": LCL})], name), f"{entry.label}: {entry.description}")


def test_a_metric_is_described_for_the_tasks_of_the_table() -> None:
    plain, of_sets = "each class counted equally.", "The mean F1 of all labels"
    single = sweep({"ce": CE}, rows="r")
    several = sweep({"ce": CE}, "sets-0000000b", dataset="sets", task="multi_label")
    for shown, has_plain, has_sets in (
        ([single], True, False),
        ([several], False, True),
        ([single, several], True, True),
    ):
        notes = " ".join(note.text for note in build_table(shown, "macro_f1").notes)
        assert (plain in notes, of_sets in notes) == (has_plain, has_sets)
