"""A sweep's state in figures, from what the record says of its trials: what the lines and the live view both show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.protocol.ranking import TrialScore, score_trial
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord


@dataclass(frozen=True)
class SweepProgress:
    """How far a sweep is. `total` and `planned_epochs` are those of the whole budget."""

    spec: SweepSpec
    states: Mapping[int, TrialRecord]

    @property
    def total(self) -> int:
        """The trials of the whole budget."""
        return sum(self.spec.trial_budget(system) for system in range(len(self.spec.systems)))

    @property
    def to_confirm(self) -> int:
        """The trials that confirm, where every cell has as many settings that completed as are to be confirmed."""
        return len(self.spec.systems) * self.spec.confirm.top * self.spec.confirm.seeds

    def ended(self, system: int | None = None) -> list[TrialRecord]:
        """The trials of the search that have ended, of one cell or of all."""
        return [one for one in self._of(system) if one.end is not None]

    def running(self, system: int | None = None) -> list[TrialRecord]:
        """The trials that run now, of one cell or of all, those that confirm too."""
        every = self.states.values()
        return [one for one in every if one.end is None and system in (None, one.trial.system)]

    def confirming(self) -> list[TrialRecord]:
        """The trials that confirm, running or ended."""
        return [one for one in self.states.values() if one.trial.source_trial]

    def confirmed(self) -> int:
        """How many trials that confirm have ended."""
        return sum(one.end is not None for one in self.confirming())

    def count(self, outcomes: Sequence[Outcome], system: int | None = None) -> int:
        """How many trials ended in one of these ways."""
        return sum(one.end is not None and one.end.outcome in outcomes for one in self._of(system))

    def _of(self, system: int | None) -> list[TrialRecord]:
        searched = (one for one in self.states.values() if not one.trial.source_trial)
        return [one for one in searched if system in (None, one.trial.system)]

    def best(self, system: int | None = None) -> TrialScore | None:
        """The trial with the best score so far, running ones included."""
        rows = [score_trial(self.spec, one) for one in self._of(system)]
        scored = [(one.score, one) for one in rows if one.score is not None]
        return max(scored, key=lambda pair: self.spec.objective.sign * pair[0])[1] if scored else None

    def saved(self) -> tuple[float, float]:
        """Epochs that ASHA has saved, and those that all ended trials would have had."""
        per_epoch = self.spec.validations_per_epoch
        stopped = [one for one in self.ended() if one.end and one.end.outcome == Outcome.STOPPED_EARLY]
        spared = sum(one.trial.config.num_validations - len(one.reports) for one in stopped)
        whole = sum(one.trial.config.num_validations for one in self.ended())
        return spared / per_epoch, whole / per_epoch

    def seconds_left(self, slots: int, now: float) -> float | None:
        """An estimate: what the remaining trials take if each takes its cell's mean so far, on `slots` at a time.

        A trial that confirms takes as long as those that completed.
        """
        took = {system: [_seconds(one) for one in self.ended(system)] for system in range(len(self.spec.systems))}
        every = [seconds for system in took.values() for seconds in system]
        if not every:
            return None
        work = 0.0
        for system, known in took.items():
            mean = sum(known) / len(known) if known else sum(every) / len(every)
            waiting = self.spec.trial_budget(system) - len(self._of(system))
            work += max(0, waiting) * mean
            work += sum(max(0.0, mean - (now - one.started_at / 1000)) for one in self.running(system))
        whole = [_seconds(one) for one in self.ended() if one.end and one.end.outcome == Outcome.COMPLETED] or every
        work += max(0, self.to_confirm - len(self.confirming())) * sum(whole) / len(whole)
        return work / slots


def _seconds(one: TrialRecord) -> float:
    return ((one.ended_at or one.started_at) - one.started_at) / 1000
