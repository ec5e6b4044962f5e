"""The report shows the published table by one metric, and has it by every other that the predictions give."""

import re

import pytest

from sweeper.data.dataset_spec import Task
from sweeper.reporting.table.metrics import METRICS, metric_of_tasks, table_metric
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import ResultsTable, build_table
from sweeper.reporting.table_choice import choose_table, shown_metric
from tests.reporting.table.helpers import CE, LCL, with_results
from tests.support.fake_results import sweep

ORDERED = ("qwk", "mae")  # the classes have no order
FINISHED = sweep({"ce": CE, "lcl": LCL})


def build(metric: str) -> ResultsTable:
    return build_table([FINISHED], metric)


@pytest.mark.parametrize("shown", ["accuracy", "mcc", "f1/good"])
def test_one_table_is_shown_and_the_others_are_those_that_have_scores(shown: str) -> None:
    html = choose_table(build, shown)
    names = re.findall(r'<div data-choice="([^"]*)"( hidden)?>', html)
    fitting = [name for name, metric in METRICS.items() if metric.definition.fits_classes]
    others = [name for name in fitting if name not in (shown, *ORDERED)]
    labels = [table_metric(name).definition.label for name in (shown, *others)]
    assert names == [(label, " hidden" if k else "") for k, label in enumerate(labels)]
    tables = [render(build(name), "html") for name in (shown, *others)]
    assert all(table.strip() in html for table in tables)


@pytest.mark.parametrize(
    ("objectives", "tasks", "expected"),
    [
        (["loss", "loss"], ["single_label", "multi_label"], "loss"),
        (["macro_f1", "loss"], ["single_label", "single_label"], "accuracy"),
        (["macro_f1", "micro_f1"], ["multi_label", "multi_label"], "macro_f1"),
        (["accuracy", "micro_f1"], ["single_label", "multi_label"], "macro_f1"),
        (["no_such_metric"], ["single_label"], "accuracy"),
    ],
)
def test_the_metric_shown_first_is_the_shared_objective_or_that_of_the_task(
    objectives: list[str], tasks: list[str], expected: str
) -> None:
    sweeps = [
        sweep({"ce": CE}, objective=f"validation/{objective}", task=task).results
        for objective, task in zip(objectives, tasks, strict=True)
    ]
    assert shown_metric(sweeps) == expected


def test_without_test_scores_there_is_no_choice() -> None:
    untested = with_results(
        sweep({"ce": None}), {**sweep({"ce": None}).results.to_dict(), "test_split": None, "test_accesses": []}
    )
    html = choose_table(lambda metric: build_table([untested], metric), "accuracy")
    assert "data-choice" not in html
    assert "<table>" in html


def test_no_name_of_a_class_breaks_the_page() -> None:
    name = '"><script>alert(1)</script>'
    odd = with_results(FINISHED, {**FINISHED.results.to_dict(), "labels": ["bad", name, "so so"]})
    html = choose_table(lambda metric: build_table([odd], metric), f"f1/{name}")
    assert "<script>" not in html


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([], "accuracy"),
        (["single_label"], "accuracy"),
        (["multi_label"], "macro_f1"),
        (["single_label", "multi_label"], "macro_f1"),
    ],
)
def test_the_metric_of_a_table_fits_all_tasks(tasks: list[Task], expected: str) -> None:
    assert metric_of_tasks(tasks) == expected
