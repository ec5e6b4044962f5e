"""The state of a sweep in numbers: what the line view and the live view both show."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from sweeper.protocol.confirmation import best_confirmed, candidates, pending, trials_to_score
from sweeper.protocol.failed_sweep import count_failed_rounds
from sweeper.protocol.promotion import is_waiting
from sweeper.protocol.ranking import TrialScore, score_trial
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord

SEARCH, CONFIRMATION, TEST = "search", "confirmation", "test"
_SCORING = 0.1  # the weight of a model that is scored, in trials


@dataclass(frozen=True)
class PhaseProgress:
    """A phase of a sweep with its trials or models that are done, of those planned. `weight` is its share of a bar."""

    name: str
    done: int
    total: int
    weight: float


@dataclass(frozen=True)
class SweepProgress:
    """The progress of a sweep at one moment, from its trials by number."""

    spec: SweepSpec
    records: Mapping[int, TrialRecord]

    @cached_property
    def total(self) -> int:
        """The number of trials in the whole budget."""
        return sum(self.share(system) for system in range(len(self.spec.systems)))

    def share(self, system: int) -> int:
        """Return the number of trials of a system. Clones and those of a whole budget without a success come on top."""
        cloned = sum(bool(record.trial.clone_of) for record in self._searched(system))
        return self._num_rounds * self.spec.trial_budget(system) + cloned

    @cached_property
    def _num_rounds(self) -> int:
        """How many times the budget is spent: another round has begun once it has a trial."""
        return 1 + count_failed_rounds(self.spec, self._searched()[:-1])

    @cached_property
    def is_search_over(self) -> bool:
        """True if all trials of the search have ended, or a trial of the confirmation was the last to do something."""
        newest = max(
            self.records.values(), key=lambda record: (record.last_moment, record.trial.source_trial), default=None
        )
        return len(self.ended()) >= self.total or (newest is not None and newest.trial.source_trial > 0)

    @cached_property
    def to_confirm(self) -> int:
        """The number of trials in confirmation; during the search, if every system gets enough completed settings."""
        systems = range(len(self.spec.systems))
        if not self.is_search_over:
            return len(systems) * self.spec.confirm.top * self.spec.confirm.seeds
        return sum(len(candidates(self.spec, self._ordered, k)) for k in systems) * self.spec.confirm.seeds

    @cached_property
    def planned_to_confirm(self) -> int:
        """The number of trials in confirmation, those of an earlier run with other settings or seeds included."""
        if not self.is_search_over:
            return max(self.to_confirm, len(self.confirming()))
        return len(self.confirming()) + len(pending(self.spec, self._ordered))

    def phases(self) -> list[PhaseProgress]:
        """Return the phases of the sweep in their order, those to come included."""
        phases = [PhaseProgress(SEARCH, len(self.ended()), self.total, self.total)]
        if self.to_confirm:
            num_scored = sum(record.test is not None for record in self.confirming())
            models = num_scored + self._count_models_to_score(num_scored)
            phases.append(
                PhaseProgress(CONFIRMATION, self.confirmed(), self.planned_to_confirm, self.planned_to_confirm)
            )
            phases.append(PhaseProgress(TEST, num_scored, models, models * _SCORING))
        return phases

    def _count_models_to_score(self, num_scored: int) -> int:
        """Return the number of models that are still to be scored, if all fresh seeds to come leave one."""
        systems, seeds = range(len(self.spec.systems)), self.spec.confirm.seeds
        if not self.is_search_over:
            return max(0, len(systems) * seeds - num_scored)
        undecided = [
            system
            for system in systems
            if candidates(self.spec, self._ordered, system) and not best_confirmed(self.spec, self._ordered, system)
        ]
        return len(trials_to_score(self.spec, self._ordered)) + len(undecided) * seeds

    def current_phase(self) -> str:
        """Return the name of the phase that the sweep is in."""
        running = self.running()
        if running:
            return CONFIRMATION if running[0].trial.source_trial else SEARCH
        if not self.to_confirm or not self.is_search_over:
            return SEARCH
        return CONFIRMATION if self.confirmed() < self.planned_to_confirm else TEST

    @cached_property
    def _ordered(self) -> list[TrialRecord]:
        """All trials, by number."""
        return [self.records[number] for number in sorted(self.records)]

    def finished(self) -> list[TrialRecord]:
        """Return all trials that have ended, confirmation included, the newest first."""
        ended = [record for record in self.records.values() if record.end is not None]
        return sorted(ended, key=lambda record: (record.ended_at or 0, record.trial.number), reverse=True)

    def value_range(self) -> tuple[float, float] | None:
        """Return the smallest and the largest finite value of the objective in all reports; None without any."""
        metric = self.spec.objective.metric
        reports = chain.from_iterable(record.reports for record in self.records.values())
        values = [report.metrics.get(metric, math.nan) for report in reports]
        finite = [value for value in values if math.isfinite(value)]
        return (min(finite), max(finite)) if finite else None

    def ended(self, system: int | None = None) -> list[TrialRecord]:
        """Return the trials of the search that have ended, of one system or of all."""
        return [record for record in self._searched(system) if record.end is not None]

    def running(self, system: int | None = None) -> list[TrialRecord]:
        """Return the trials that run now, of one system or of all, confirmation included.

        A trial that has not ended is interrupted if the other stage is the one that runs: the last to do something.
        """
        return [record for record in self._running if system in (None, record.trial.system)]

    @cached_property
    def _running(self) -> list[TrialRecord]:
        begun = [record for record in self.records.values() if record.end is None and record.trial.attempt]
        open_records = [record for record in begun if not is_waiting(self.spec, record)]
        newest = max(open_records, key=lambda record: record.last_moment, default=None)
        return [record for record in open_records if newest and record.trial.stage == newest.trial.stage]

    def waiting(self, system: int | None = None) -> list[TrialRecord]:
        """Return the trials that wait at a rung for their promotion, of one system or of all."""
        return [record for record in self._searched(system) if is_waiting(self.spec, record)]

    def confirming(self) -> list[TrialRecord]:
        """Return the trials of the confirmation, running or ended."""
        return [record for record in self.records.values() if record.trial.source_trial]

    def confirmed(self) -> int:
        """Return the number of confirmation's trials that have ended."""
        return sum(record.end is not None for record in self.confirming())

    def count(self, outcomes: Sequence[Outcome], system: int | None = None) -> int:
        """Return the number of trials in the search that ended in one of these ways."""
        return sum(record.end is not None and record.end.outcome in outcomes for record in self._searched(system))

    def _searched(self, system: int | None = None) -> list[TrialRecord]:
        """Return the trials of the search by number, of one system or of all."""
        return self._searched_by_system[system]

    @cached_property
    def _searched_by_system(self) -> Mapping[int | None, list[TrialRecord]]:
        searched = defaultdict[int | None, list[TrialRecord]](list)
        for record in self._ordered:
            if not record.trial.source_trial:
                searched[None].append(record)
                searched[record.trial.system].append(record)
        return searched

    def best(self, system: int | None = None) -> TrialScore | None:
        """Return the trial with the best score so far, of those that the results can use.

        They are the completed ones and those that may still complete; without any, those that were stopped early. A
        trial that ended badly, such as one that collapsed, is none.
        """
        scores = [score_trial(self.spec, record) for record in self._searched(system)]
        for outcomes in ((None, Outcome.COMPLETED), (Outcome.STOPPED_EARLY,)):
            scored = [(trial.score, trial) for trial in scores if trial.score is not None and trial.outcome in outcomes]
            if scored:
                return max(scored, key=lambda pair: self.spec.objective.sign * pair[0])[1]
        return None

    def saved_epochs(self) -> tuple[float, float]:
        """Return the epochs that early stopping has saved, and those that all ended trials would have had.

        What a user's `sweeper stop` saved is not among them.
        """
        per_epoch = self.spec.validations_per_epoch
        stopped = [record for record in self.ended() if record.end and record.end.is_by_early_stopping]
        saved = sum(record.trial.config.num_validations - len(record.reports) for record in stopped)
        planned = sum(record.trial.config.num_validations for record in self.ended())
        return saved / per_epoch, planned / per_epoch
