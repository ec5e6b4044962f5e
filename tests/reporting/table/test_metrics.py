"""The metrics of the table come from the registry of training, and each can be shown."""

import pytest

from sweeper.reporting.table.metrics import METRICS
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import build_table
from tests.reporting.table.helpers import CE, LCL
from tests.support.fake_results import sweep


def test_metrics_are_those_of_which_higher_values_are_better() -> None:
    assert list(METRICS) == ["accuracy", "macro_f1", "weighted_f1"]
    assert all(metric.is_compared for metric in METRICS.values())


@pytest.mark.parametrize("name", METRICS)
def test_the_caption_has_the_label_of_the_metric(name: str) -> None:
    html = render(build_table([sweep({"ce": CE, "lcl": LCL})], name), "html")
    assert f"<caption>Test {METRICS[name].label} in %.</caption>" in html
