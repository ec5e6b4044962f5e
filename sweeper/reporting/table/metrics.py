"""The metrics of the test split that the table can show: every metric of which higher or lower values are better.

To add one, add it to `METRICS` of training/metric_registry.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.training import metric_registry


@dataclass(frozen=True)
class TableMetric:
    """A metric of the test split: `entry` of the registry.

    `label` names it within a sentence, and `description` says how to read it. Systems are compared by it if
    `is_compared`.
    """

    label: str
    description: str
    is_compared: bool
    entry: metric_registry.Metric

    @property
    def sign(self) -> int:
        """1 if higher values are better, -1 if lower values are."""
        return 1 if self.entry.better == "higher" else -1

    @property
    def heading(self) -> str:
        """The label with the unit: accuracy in %."""
        return f"{self.label} in %" if self.entry.is_share else self.label

    def format(self, value: float | None) -> str:
        """Return a value for people: a share in percent with one decimal, others with three; "–" for None."""
        if value is None:
            return "–"
        return f"{100 * value:.1f}" if self.entry.is_share else f"{value:.3f}"

    def format_difference(self, value: float) -> str:
        """Return a difference of two values with its sign; of shares, in points."""
        return f"{100 * value:+.1f}" if self.entry.is_share else f"{value:+.3f}"


def _table_metric(metric: metric_registry.Metric) -> TableMetric:
    is_name = metric.label[1].isupper()  # MCC, but not Accuracy
    label = metric.label if is_name else metric.label[0].lower() + metric.label[1:]
    return TableMetric(label, metric.description, metric.is_divisible, metric)


DEFAULT_METRIC = "accuracy"
METRICS: Mapping[str, TableMetric] = {
    name: _table_metric(metric)
    for name, metric in sorted(metric_registry.METRICS.items(), key=lambda item: item[0] != DEFAULT_METRIC)
    if metric.better is not None
}
