"""Promotion: a trial waits at each rung of early stopping, and the best ones of a rung continue from their checkpoints.

Of n trials of a system that reached a rung, the best n // reduction_factor may continue, each once. A promotion stands,
also when better trials come after it. Where no more trials will come, at least one continues. (Li et al., "A System for
Massively Parallel Hyperparameter Tuning", algorithm 2: asynchronous successive halving.)

A trial that can no longer be promoted is stopped. All of it follows from the record, so a driver that starts again
continues in the same way.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sweeper.protocol.failed_sweep import is_unsuccessful
from sweeper.search_space.early_stopping import AshaSettings
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from sweeper.wording import format_epoch


def is_waiting(spec: SweepSpec, record: TrialRecord) -> bool:
    """Return True if a trial waits at a rung, from which it was not promoted yet."""
    return bool(_rung_of(spec, record))


def most_waiting(spec: SweepSpec, system: int, slots: int) -> int:
    """Return the most trials of a system that wait at rungs at the same time, with `slots` trials running."""
    share, settings = spec.trial_budget(system), spec.early_stopping_settings
    if not isinstance(settings, AshaSettings):
        return 0
    at_a_rung = max(1, share // settings.reduction_factor) + max(1, slots)
    return min(share, len(spec.pausing_rungs) * at_a_rung)


def share_promoted(spec: SweepSpec, own: Sequence[TrialRecord], record: TrialRecord) -> float:
    """Return the share of the trials waiting with this one that continue, if no more come; 1 if it does not wait.

    `own` are the trials of its system.
    """
    rung, settings = _rung_of(spec, record), spec.early_stopping_settings
    if not rung or not isinstance(settings, AshaSettings):
        return 1.0
    reached = [other for other in own if _value_at(spec, other, rung) is not None and not other.trial.race_of]
    waiting = sum(_rung_of(spec, other) == rung for other in reached)
    promoted = sum(len(other.reports) > rung or other.promoted_after >= rung for other in reached)
    places = max(1.0, len(reached) / settings.reduction_factor)
    return min(1.0, max(0.0, places - promoted) / waiting)


def _rung_of(spec: SweepSpec, record: TrialRecord) -> int:
    """Return the rung at which a trial waits, as a validation counted from 1; 0 if it does not wait."""
    trial = record.trial
    if record.end is not None or not record.reports or trial.race_of or trial.source_trial:
        return 0
    step = record.reports[-1].step
    is_rung = step in spec.pausing_rungs and record.promoted_after < step < trial.config.num_validations
    return step if is_rung and _value_at(spec, record, step) is not None else 0


def _value_at(spec: SweepSpec, record: TrialRecord, step: int) -> float | None:
    """Return a trial's value at a rung, of which more is better; None if it has no finite one there."""
    reports = (report for report in record.reports if report.step == step)
    value = next((report.metrics.get(spec.objective.metric) for report in reports), None)
    return spec.objective.sign * value if value is not None and math.isfinite(value) else None


@dataclass
class _Rung:
    """The trials that reached a rung and did not fail later, the best first, and those of them that wait there."""

    ranked: list[tuple[float, int]] = field(default_factory=list)  # the value with its sign changed, and the number
    places: dict[int, tuple[float, int]] = field(default_factory=dict)  # those entries by number
    waiting: set[int] = field(default_factory=set)

    def update(self, number: int, value: float | None, *, waits: bool) -> None:
        """Take a trial's value at this rung; None takes the trial away."""
        self.waiting.discard(number)
        if waits:
            self.waiting.add(number)
        if value is None:
            place = self.places.pop(number, None)
            if place is not None:
                self.ranked.remove(place)
        elif number not in self.places:
            self.places[number] = (-value, number)
            insort(self.ranked, self.places[number])

    def rank(self, number: int) -> int:
        """Return the rank of a trial, from 1."""
        return 1 + bisect_left(self.ranked, self.places[number])

    def first_waiting(self, places: int) -> int | None:
        """Return the best trial that waits among the first `places`; None if there is none."""
        return next((number for _, number in self.ranked[:places] if number in self.waiting), None)


class _Ladder:
    """The rungs of one system. Methods take the number of its trials that have not begun, those of a race apart."""

    def __init__(self, spec: SweepSpec, reduction_factor: int) -> None:
        self.spec, self.reduction_factor = spec, reduction_factor
        self.rungs = {step: _Rung() for step in spec.pausing_rungs}
        self.moving: dict[int, int] = {}  # the last validation of each trial that has neither ended nor waits

    def update(self, record: TrialRecord) -> None:
        """Take the new state of a trial."""
        number, waits_at = record.trial.number, _rung_of(self.spec, record)
        is_out = is_unsuccessful(record) or (record.end is not None and record.end.is_by_user)
        for step, rung in self.rungs.items():
            value = None if is_out else _value_at(self.spec, record, step)
            rung.update(number, value, waits=step == waits_at)
        self.moving.pop(number, None)
        if record.end is None and not waits_at:
            self.moving[number] = record.reports[-1].step if record.reports else 0

    def next_to_promote(self, step: int, num_new: int) -> int | None:
        """Return the number of the best trial that may continue from a rung now; None if none may."""
        rung = self.rungs[step]
        places = len(rung.ranked) // self.reduction_factor
        return rung.first_waiting(max(places, int(self._is_complete(step, num_new))))

    def _is_complete(self, step: int, num_new: int) -> bool:
        """Return True if no more trials will come to a rung."""
        if num_new or any(last < step for last in self.moving.values()):
            return False
        return all(self.next_to_promote(lower, num_new) is None for lower in self.rungs if lower < step)

    def find_hopeless(self, num_new: int) -> Iterator[tuple[int, TrialEnd]]:
        """Yield the trials that wait and can no longer be promoted, with their ends.

        One more than can be promoted waits for as long as a better trial may fail.
        """
        most_coming, lower = num_new, 0
        for step, rung in self.rungs.items():
            above = sum(last >= step for last in self.moving.values())
            most = len(rung.ranked) + most_coming + sum(lower <= last < step for last in self.moving.values())
            places = max(1, most // self.reduction_factor)
            is_over = self._is_complete(step, num_new) and not above and self.next_to_promote(step, num_new) is None
            reserve = 0 if is_over else max(1, above)
            for number in sorted(rung.waiting):
                if is_over or rung.rank(number) > places + reserve:
                    yield number, self._end(step, rung, number, places, most)
            most_coming = min(places, len(rung.waiting) + most - len(rung.ranked))
            lower = step

    def _end(self, step: int, rung: _Rung, number: int, places: int, most: int) -> TrialEnd:
        value = -self.spec.objective.sign * rung.places[number][0]
        after = f"stopped after epoch {format_epoch(step / self.spec.validations_per_epoch)}: {value:.4f}"
        best = "best" if places == 1 else f"best {places}"
        continues = "continues" if places == 1 else "continue"
        rank = f"rank {rung.rank(number)}, and the {best} of {most} {continues}"
        return TrialEnd(Outcome.STOPPED_EARLY, f"{after}, {rank}")


class Promotion:
    """The trials of a search that wait at rungs. Tell it of each new state of a trial.

    Without a rule that pauses, nothing ever waits.
    """

    def __init__(self, spec: SweepSpec, searched: Iterable[TrialRecord]) -> None:
        """Start from the recorded trials of the search."""
        self.spec, self.trials = spec, dict[int, Trial]()
        settings = spec.early_stopping_settings
        factor = settings.reduction_factor if isinstance(settings, AshaSettings) else 1
        self._ladders = [_Ladder(spec, factor) for _ in spec.systems] if spec.pausing_rungs else []
        for record in searched:
            self.update(record)

    def update(self, record: TrialRecord) -> None:
        """Take the new state of a trial. Those of a race do not wait."""
        if self._ladders and not record.trial.race_of:
            self.trials[record.trial.number] = record.trial
            self._ladders[record.trial.system].update(record)

    @property
    def waiting(self) -> list[Trial]:
        """The trials that wait at a rung, by number."""
        numbers = {number for ladder in self._ladders for rung in ladder.rungs.values() for number in rung.waiting}
        return [self.trials[number] for number in sorted(numbers)]

    def next_trial(self, num_new: Sequence[int]) -> Trial | None:
        """Return the trial to promote now, from the highest rung that has one; None if there is none.

        `num_new` are the trials of each system that have not begun, those of a race apart.
        """
        for step in reversed(self.spec.pausing_rungs):
            for ladder, new in zip(self._ladders, num_new, strict=False):
                number = ladder.next_to_promote(step, new)
                if number is not None:
                    return self.trials[number]
        return None

    def find_hopeless(self, num_new: Sequence[int]) -> list[tuple[Trial, TrialEnd]]:
        """Return the trials that wait and can no longer be promoted, with their ends."""
        pairs = zip(self._ladders, num_new, strict=False)
        return [(self.trials[number], end) for ladder, new in pairs for number, end in ladder.find_hopeless(new)]
