"""The metrics of the test split that the table can show. To add one, add an entry to `METRICS`."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TableMetric:
    """A metric of the test split. `key` is its name in the results; `explanation` says how to read it.

    `is_compared` is True if systems are tested against each other by it.
    """

    key: str
    label: str
    explanation: str
    is_compared: bool = False


METRICS: Mapping[str, TableMetric] = {
    "accuracy": TableMetric("test/accuracy", "accuracy", "share of texts classified correctly", is_compared=True),
    "macro_f1": TableMetric("test/macro_f1", "macro F1", "mean of the F1 of each class"),
    "weighted_f1": TableMetric(
        "test/weighted_f1", "weighted F1", "mean of the F1 of each class, weighted by its texts"
    ),
}
DEFAULT_METRIC = "accuracy"
