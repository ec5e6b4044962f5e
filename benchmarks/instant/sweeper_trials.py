"""Sweeper's side: a trainer that reports at once, and a tracker that tells the clock."""

from collections.abc import Generator
from pathlib import Path

from benchmarks.instant.course import METRIC, course
from benchmarks.instant.trial_clock import TrialClock
from sweeper.training.config import TrainConfig
from sweeper.training.types import EncoderWeights, Heartbeat, TrainingData, ValidationReport
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

NO_DATA = TrainingData(("a", "b"), EncoderWeights("rnn", {}, {}, 0, 0), {})


def instant(
    config: TrainConfig, _: TrainingData, __: Path | None, *, gate: Path | None = None
) -> Generator[ValidationReport | Heartbeat, None, None]:
    """Report all validations without training. Implements Trainer."""
    for step, accuracy in enumerate(course(config.learning_rate, config.num_validations, gate), start=1):
        yield ValidationReport(step, float(step), {METRIC: accuracy, "validation/largest_class": 0.5})


class ClockTracker:
    """A tracker that tells a clock of each report and each end. Implements Tracker."""

    def __init__(self, clock: TrialClock) -> None:
        self.clock = clock

    def update(self, record: TrialRecord) -> None:
        """Tell the clock what is new of a trial."""
        if record.reports:
            self.clock.trial_reported(record.trial.number)
        if record.end is not None:
            self.clock.trial_ended(record.trial.number)

    def close(self, status: RunStatus) -> None:
        """Do nothing."""
