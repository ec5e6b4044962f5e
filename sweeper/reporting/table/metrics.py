"""The metrics of the test split that the table can show: every metric of training of which higher values are better.

To add one, add it to `METRICS` of training/registry.py. It must be a share in [0, 1], which the table shows in percent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.training import registry


@dataclass(frozen=True)
class TableMetric:
    """A metric of the test split.

    `label` names it within a sentence, and `description` says how to read it. Systems are compared by it if
    `is_compared`: that takes a function of the predicted classes.
    """

    label: str
    description: str
    is_compared: bool


def _table_metric(metric: registry.Metric) -> TableMetric:
    label = metric.label[0].lower() + metric.label[1:]
    return TableMetric(label, metric.description, is_compared=metric.function is not None)


DEFAULT_METRIC = "accuracy"
METRICS: Mapping[str, TableMetric] = {
    name: _table_metric(metric) for name, metric in registry.METRICS.items() if metric.better == "higher"
}
