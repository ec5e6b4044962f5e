"""A sweep as far as it is known at a time, and the seconds that its trials still need."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from sweeper.protocol.pace import Pace
from sweeper.protocol.promotion import is_waiting
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.trials.trial import TrialRecord

_MOST_TRIES = 10  # to draw a step that has not ended yet


@dataclass(frozen=True)
class SweepMoment:
    """A sweep as far as it is known at a time, `now`, in seconds since 1970."""

    spec: SweepSpec
    records: Sequence[TrialRecord]
    slots: int
    now: float
    pace: Pace

    @property
    def fresh(self) -> list[TrialRecord]:
        """The trials of the confirmation."""
        return [record for record in self.records if record.trial.source_trial]

    def whole_training(self, system: int, config: TrainConfig, validations: int, random: Random) -> float:
        """Return the seconds of a trial that has not begun, up to a validation."""
        return self.pace.start + self.steps(system, config, validations, random)

    def steps(self, system: int, config: TrainConfig, validations: int, random: Random) -> float:
        """Return the seconds from a validation of a trial to one that comes later."""
        return self.pace.step(system, config) * validations * self.pace.draw_factor(validations, random)

    def rest_of_training(self, record: TrialRecord, validations: int, random: Random) -> float:
        """Return the seconds that a trial needs for its next validations."""
        if validations <= 0:
            return 0.0
        if is_waiting(self.spec, record):
            return self.whole_training(record.trial.system, record.trial.config, validations, random)
        trial, passed = record.trial, self._seconds_of_step(record)
        for _ in range(_MOST_TRIES):
            first = self.steps(trial.system, trial.config, 1, random)
            if first >= passed:
                break
        later = self.steps(trial.system, trial.config, validations - 1, random)
        if not self.pace.knows(trial.system, trial.config):
            later = max(later, passed * (validations - 1))
        return max(0.0, first - passed) + later

    def _seconds_of_step(self, record: TrialRecord) -> float:
        """Return the seconds for which a trial has trained since its last validation; negative before it trains."""
        if record.reports:
            return max(0.0, self.now - record.report_times[-1] / 1000)
        is_first = any(other is record for other in self.records[: self.slots])  # then it waits for the processes
        return self.now - record.started_at / 1000 - self.pace.start - self.pace.processes * is_first
