"""The trainings that a search still needs, drawn at random: the verdicts of early stopping, and settings to come."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from sweeper.protocol.expected_epochs import (
    deciding_rungs,
    draw_last_validation,
    passing_share,
    typical_config,
)
from sweeper.protocol.failed_sweep import count_failed_rounds
from sweeper.protocol.promotion import is_waiting, promoted_shares, waiting_rung
from sweeper.protocol.race import is_race_trial
from sweeper.protocol.turns import count_of_share
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.trials.trial import TrialRecord

_PRIOR_PASSES = 10  # passes at rungs that are as many as expected, added to those of the record


@dataclass(frozen=True)
class DrawnTraining:
    """The validations that a trial makes yet; `record` is None for one that has not begun."""

    system: int
    config: TrainConfig
    validations: int
    record: TrialRecord | None = None


class SearchDrawer:
    """Draws the rest of a search as often as it is asked.

    A trial that has not begun gets the config of one of its system's trials so far. If each trial were as good as those
    before it, its chance to pass a rung would follow from the number of earlier ones. A sampler that learns makes later
    ones better, so this chance is scaled by the passes of the search so far, relative to those it would have had.
    """

    def __init__(self, spec: SweepSpec, records: Sequence[TrialRecord]) -> None:
        """Start from what is on record."""
        self.spec = spec
        searched = [record for record in records if not record.trial.source_trial]
        systems = range(len(spec.systems))
        self._own = [[record for record in searched if record.trial.system == system] for system in systems]
        self._configs = [
            [record.trial.config for record in own] or [typical_config(spec, system, [])]
            for system, own in enumerate(self._own)
        ]
        rounds = 1 + count_failed_rounds(spec, searched)
        self._begun = [count_of_share(own) for own in self._own]
        self._ends = [max(begun, rounds * spec.trial_budget(system)) for system, begun in enumerate(self._begun)]
        self._arrivals = [_count_arrivals(spec, own) for own in self._own]
        self._shares = [promoted_shares(spec, own) for own in self._own]
        self._leniency = _measure_leniency(spec, searched)

    def draw(self, random: Random) -> list[DrawnTraining]:
        """Return the rest of the search: what runs, then what is new, in the order in which the systems take turns."""
        running, new = [], []
        for system, begun in enumerate(self._begun):
            arrivals = defaultdict(Counter, {bracket: Counter(it) for bracket, it in self._arrivals[system].items()})
            running += list(self._draw_running(system, arrivals, random))
            new += list(enumerate(self._draw_new(system, arrivals, random), begun))
        return [*running, *(training for _, training in sorted(new, key=lambda it: it[0]))]

    def _draw_running(self, system: int, arrivals: dict[int, Counter[int]], random: Random) -> Iterator[DrawnTraining]:
        for record in self._own[system]:
            if record.end is None and self._draw_promotion(system, record, random):
                trial, done = record.trial, len(record.reports)
                last = trial.config.num_validations
                if not trial.race_of:
                    last = self._draw_last(trial.config, trial.bracket, arrivals[trial.bracket], random, done)
                yield DrawnTraining(system, trial.config, last - done, record)

    def _draw_promotion(self, system: int, record: TrialRecord, random: Random) -> bool:
        """Return True if a trial runs, or is drawn to be promoted from the rung at which it waits."""
        share = self._shares[system].get(waiting_rung(self.spec, record), 1.0)
        return share == 1 or random.random() < share

    def _draw_new(self, system: int, arrivals: dict[int, Counter[int]], random: Random) -> Iterator[DrawnTraining]:
        end = self._ends[system]
        for proposal in range(self._begun[system], end):
            config, bracket = random.choice(self._configs[system]), self.spec.bracket_of(proposal)
            last = config.num_validations
            if not is_race_trial(self.spec, proposal, end):  # nothing in a race is stopped early
                last = self._draw_last(config, bracket, arrivals[bracket], random)
            yield DrawnTraining(system, config, last)

    def _draw_last(
        self, config: TrainConfig, bracket: int, arrivals: Counter[int], random: Random, after: int = 0
    ) -> int:
        return draw_last_validation(
            self.spec, config, arrivals, random, after=after, bracket=bracket, leniency=self._leniency
        )


def _count_arrivals(spec: SweepSpec, own: Sequence[TrialRecord]) -> dict[int, Counter[int]]:
    """Return the number of a system's trials that have reached each rung, by bracket."""
    arrivals: dict[int, Counter[int]] = defaultdict(Counter)
    for record in own:
        bracket = record.trial.bracket
        arrivals[bracket].update(rung for rung in spec.rungs_of(bracket) if len(record.reports) >= rung)
    return arrivals


def _measure_leniency(spec: SweepSpec, searched: Sequence[TrialRecord]) -> float:
    """Return the trials that passed a rung so far, as a multiple of those that would if all were equally good."""
    judged = Counter(
        (record.trial.system, record.trial.bracket, rung)
        for record in searched
        for rung in deciding_rungs(spec, record.trial.config, bracket=record.trial.bracket)
        if rung <= len(record.reports) - is_waiting(spec, record) and rung < record.trial.config.num_validations
    )
    stopped = sum(record.end is not None and record.end.is_by_early_stopping for record in searched)
    expected = sum(passing_share(spec, earlier) for count in judged.values() for earlier in range(count))
    return (judged.total() - stopped + _PRIOR_PASSES) / (expected + _PRIOR_PASSES)
