"""The course of one training: what it reported until it ended, or diverged."""

import time
from dataclasses import dataclass

from sweeper.errors import DivergedError
from sweeper.training.config import TrainConfig
from sweeper.training.trainer import train
from sweeper.training.types import TrainingData, ValidationReport


@dataclass(frozen=True)
class TrainingCourse:
    """The reports of a training, and its wall time. `error` says why it diverged; it is empty if it did not."""

    reports: list[ValidationReport]
    error: str
    seconds: float

    def values(self, metric: str) -> list[float]:
        """Return a metric of each report."""
        return [report.metrics[metric] for report in self.reports]


def follow_training(config: TrainConfig, data: TrainingData) -> TrainingCourse:
    """Train to the end. Raises what the training raises, unless it diverges."""
    start, error = time.perf_counter(), ""
    reports: list[ValidationReport] = []
    try:
        for report in train(config, data):
            reports.append(report)
    except DivergedError as diverged:
        error = str(diverged)
    return TrainingCourse(reports, error, time.perf_counter() - start)
