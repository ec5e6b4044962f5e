"""The metrics of the test split that the table can show: every metric of which higher or lower values are better.

To add one, add it to training/metric_registry.py, to `METRICS` or, for metrics of one class, to `CLASS_METRICS`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sweeper.data.dataset_spec import Task
from sweeper.errors import UsageError
from sweeper.training import metric_registry
from sweeper.training.metric import Metric
from sweeper.training.metric_registry import CLASS_METRICS
from sweeper.training.tasks import TASKS, metric_fits
from sweeper.wording import allowed_classes, allowed_hint, quote_value


@dataclass(frozen=True)
class TableMetric:
    """A metric of the test split: `definition` is its entry of the registry.

    `label` names it within a sentence. Systems are compared by it if `is_compared`.
    """

    label: str
    is_compared: bool
    definition: Metric

    @property
    def sign(self) -> int:
        """1 if higher values are better, -1 if lower values are."""
        return 1 if self.definition.better == "higher" else -1

    def describe(self, tasks: Collection[Task]) -> str:
        """Return how to read it in a table of sweeps with these tasks."""
        plain, of_label_sets = self.definition.description, self.definition.label_set_description
        if "multi_label" not in tasks or not of_label_sets:
            return plain
        return f"{plain} For task: multi_label: {of_label_sets}" if len(tasks) > 1 else of_label_sets

    @property
    def heading(self) -> str:
        """The label with the unit: accuracy in %."""
        return f"{self.label} in %" if self.definition.is_share else self.label

    def format(self, value: float | None) -> str:
        """Return a value for people: a share in percent with one decimal, others with three; "–" for None."""
        if value is None:
            return "–"
        return f"{100 * value:.1f}" if self.definition.is_share else f"{value:.3f}"

    def format_difference(self, value: float) -> str:
        """Return a difference of two values with its sign; of shares, in points."""
        return f"{100 * value:+.1f}" if self.definition.is_share else f"{value:+.3f}"


def _table_metric(metric: Metric) -> TableMetric:
    is_name = not metric.label[1].islower() or metric.label.startswith("Brier")  # MCC and F1, but not Accuracy
    label = metric.label if is_name else metric.label[0].lower() + metric.label[1:]
    return TableMetric(label, metric.is_divisible, metric)


DEFAULT_METRIC = "accuracy"
METRICS: Mapping[str, TableMetric] = {
    name: _table_metric(metric)
    for name, metric in sorted(metric_registry.METRICS.items(), key=lambda item: item[0] != DEFAULT_METRIC)
    if metric.better is not None
}
_CLASS_FORMS = [f"{name}/CLASS" for name in CLASS_METRICS]
CLASS_FORMS = ", ".join(_CLASS_FORMS)  # for messages and help


@cache
def table_metric(name: str) -> TableMetric:
    """Return the metric of this name: an entry of METRICS, or one of a class, such as `f1/joy`.

    Raises KeyError if there is none.
    """
    return METRICS[name] if name in METRICS else _table_metric(metric_registry.find_metric(name))


def metric_of_tasks(tasks: Sequence[Task]) -> str:
    """Return the metric for a table of sweeps of these tasks: the first of their own metrics that fits all of them."""
    metrics = [TASKS[task].table_metric for task in dict.fromkeys(tasks)]
    fitting = [name for name in metrics if all(metric_fits(table_metric(name).definition, task) for task in tasks)]
    return [*fitting, *metrics, DEFAULT_METRIC][0]


def metric_problem(name: str) -> str:
    """Return what is wrong with the name of a metric; "" if nothing is. A class that it names may be unknown."""
    kind, slash, class_name = name.partition("/")
    if name in METRICS or (kind in CLASS_METRICS and class_name):
        return ""
    if kind in CLASS_METRICS:
        return f"{quote_value(name)} needs the name of a class: {kind}/CLASS"
    if slash and class_name:
        return f"{quote_value(name)} is unknown; of one class, allowed: {CLASS_FORMS}"
    return f"{quote_value(name)} is unknown; {allowed_hint([*METRICS, *_CLASS_FORMS], name)}"


def require_metric(name: str, labels: Iterable[str]) -> None:
    """Raise UsageError if the table cannot show a metric. `labels` are the classes of all its data sets."""
    problem = metric_problem(name)
    if problem:
        raise UsageError(f"metric {problem}")
    class_name, known_classes = table_metric(name).definition.class_name, list(dict.fromkeys(labels))
    if class_name is not None and class_name not in known_classes:
        place = f"metric {quote_value(name)}: no data set of the table has this class"
        raise UsageError(f"{place}; {allowed_classes(known_classes, class_name)}")
