"""The metrics of the table come from the registry of training, and each can be shown."""

import pytest

from sweeper.reporting.table.metrics import METRICS
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import build_table
from sweeper.training import metric_registry
from tests.reporting.table.helpers import CE, LCL
from tests.support.fake_results import sweep


def test_metrics_are_those_that_are_scores_and_calibration_errors_cannot_be_compared() -> None:
    assert set(METRICS) == {name for name, metric in metric_registry.METRICS.items() if metric.better}
    assert [name for name, metric in METRICS.items() if not metric.is_compared] == ["ece", "ece_scaled"]


@pytest.mark.parametrize("name", METRICS)
def test_the_caption_has_the_label_of_the_metric(name: str) -> None:
    html = render(build_table([sweep({"ce": CE, "lcl": LCL})], name), "html")
    assert f"<caption>Test {METRICS[name].heading}.</caption>" in html
