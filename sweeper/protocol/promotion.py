"""Promotion: a trial waits at each rung of early stopping, and the best ones of a rung continue from their checkpoints.

Of n trials of a system that reached a rung, the best n // reduction_factor may continue, each once. A promotion stands,
also when better trials come after it. Where no more trials will come, at least one continues. (Li et al., "A System for
Massively Parallel Hyperparameter Tuning", algorithm 2: asynchronous successive halving.)

A trial that can no longer be promoted is stopped. One that fails or that its user stops gives its place to the next
one. All of it follows from the record, so a driver that starts again continues in the same way.
"""

import math
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sweeper.protocol.failed_sweep import is_unsuccessful
from sweeper.search_space.early_stopping import AshaSettings
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.registry import LOSSES
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from sweeper.wording import format_epoch


def is_waiting(spec: SweepSpec, record: TrialRecord) -> bool:
    """Return True if a trial waits at a rung, from which it was not promoted yet."""
    return bool(waiting_rung(spec, record))


def waiting_rung(spec: SweepSpec, record: TrialRecord) -> int:
    """Return the rung at which a trial waits, as a validation counted from 1; 0 if it does not wait."""
    if record.end is not None or not record.reports:
        return 0
    step = record.reports[-1].step
    return step if record.promoted_after < step and rank_value(spec, record, step) is not None else 0


def rank_value(spec: SweepSpec, record: TrialRecord, rung: int) -> float | None:
    """Return the value by which a trial is ranked at a rung, more is better; None if it is not ranked there.

    Those are not ranked that never wait there: of a confirmation or a race, at their last validation, or without a
    finite value.
    """
    trial = record.trial
    if rung not in spec.pausing_rungs or rung >= trial.config.num_validations or trial.race_of or trial.source_trial:
        return None
    reports = (report for report in record.reports if report.step == rung)
    value = next((report.metrics.get(spec.objective.metric) for report in reports), None)
    return spec.objective.sign * value if value is not None and math.isfinite(value) else None


def count_promotions(spec: SweepSpec, record: TrialRecord) -> int:
    """Return how many times a trial was promoted."""
    ranked = (rung for rung in spec.pausing_rungs if rank_value(spec, record, rung) is not None)
    return sum(rung <= record.promoted_after for rung in ranked)


def is_out(record: TrialRecord) -> bool:
    """Return True if a trial has given its places in the ranking to others: it failed, or its user stopped it."""
    return is_unsuccessful(record) or (record.end is not None and record.end.is_by_user)


def most_waiting(spec: SweepSpec, system: int, slots: int) -> int:
    """Return the most trials of a system that wait at rungs at the same time, with `slots` trials running."""
    share, settings = spec.trial_budget(system), spec.early_stopping_settings
    if not isinstance(settings, AshaSettings):
        return 0
    at_a_rung = max(1, share // settings.reduction_factor) + max(1, slots)
    return min(share, len(spec.pausing_rungs) * at_a_rung)


def promoted_shares(spec: SweepSpec, records: Sequence[TrialRecord]) -> dict[int, float]:
    """Return for each rung the share of the trials waiting there that continue, if no more come.

    `own` are the trials of a system. Rungs at which none waits are left out.
    """
    shares: dict[int, float] = {}
    settings = spec.early_stopping_settings
    if not isinstance(settings, AshaSettings):
        return shares
    for rung in spec.pausing_rungs:
        reached = [record for record in records if not is_out(record) and rank_value(spec, record, rung) is not None]
        waiting = sum(waiting_rung(spec, record) == rung for record in reached)
        if waiting:
            promoted = sum(record.promoted_after >= rung for record in reached)
            places = max(1.0, len(reached) / settings.reduction_factor)
            shares[rung] = min(1.0, max(0.0, places - promoted) / waiting)
    return shares


@dataclass
class _Rung:
    """The trials that are ranked at a rung, and those of them that wait there; the best come first.

    An entry is the value with its sign changed, and the number of the trial.
    """

    entries: dict[int, tuple[float, int]] = field(default_factory=dict)  # by number
    ranked: list[tuple[float, int]] = field(default_factory=list)
    waiting: list[tuple[float, int]] = field(default_factory=list)

    def update(self, number: int, value: float | None, *, waits: bool) -> None:
        """Take a trial's value at this rung; None takes the trial away."""
        entry = self.entries.get(number)
        if entry is None and value is not None:
            entry = self.entries[number] = (-value, number)
            insort(self.ranked, entry)
        if entry is None:
            return
        _remove(self.waiting, entry)
        if value is None:
            del self.entries[number]
            _remove(self.ranked, entry)
        elif waits:
            insort(self.waiting, entry)

    def rank(self, entry: tuple[float, int]) -> int:
        """Return the rank of a trial, from 1."""
        return 1 + bisect_left(self.ranked, entry)

    def first_waiting(self, places: int) -> int | None:
        """Return the best trial that waits, if it is among the first `places`; else None."""
        return self.waiting[0][1] if self.waiting and self.rank(self.waiting[0]) <= places else None


def _remove(entries: list[tuple[float, int]], entry: tuple[float, int]) -> None:
    place = bisect_left(entries, entry)
    if entries[place : place + 1] == [entry]:
        del entries[place]


class _Ladder:
    """The rungs of one system. Methods take the number of its trials that have not begun, those of a race apart."""

    def __init__(self, spec: SweepSpec, reduction_factor: int) -> None:
        self.spec, self.reduction_factor = spec, reduction_factor
        self.may_skip_rungs = any(LOSSES[str(loss)].has_two_phases for loss in spec.values_of("loss"))
        self.rungs = {step: _Rung() for step in spec.pausing_rungs}
        self.moving: dict[int, int] = {}  # the last validation of each trial that has neither ended nor waits

    def update(self, record: TrialRecord) -> None:
        """Take the new state of a trial."""
        number, waits_at, has_left = record.trial.number, waiting_rung(self.spec, record), is_out(record)
        for step, rung in self.rungs.items():
            value = None if has_left else rank_value(self.spec, record, step)
            rung.update(number, value, waits=step == waits_at)
        self.moving.pop(number, None)
        if record.end is None and not waits_at:
            self.moving[number] = record.reports[-1].step if record.reports else 0

    def next_to_promote(self, step: int, num_new: int) -> int | None:
        """Return the number of the best trial that may continue from a rung now; None if none may."""
        places = len(self.rungs[step].ranked) // self.reduction_factor
        return self.rungs[step].first_waiting(max(places, int(self._is_complete(step, num_new))))

    def _is_complete(self, step: int, num_new: int) -> bool:
        """Return True if no more trials will come to a rung, unless one fails."""
        if num_new or any(last < step for last in self.moving.values()):
            return False
        return all(self.next_to_promote(lower, num_new) is None for lower in self.rungs if lower < step)

    def find_hopeless(self, num_new: int) -> Iterator[tuple[int, TrialEnd]]:
        """Yield the trials that wait and can no longer be promoted, with their ends.

        One more than can be promoted waits for as long as a better trial may fail.
        """
        left = 0  # trials that wait at lower rungs and still may continue
        bound: float = num_new  # trials that may come from below a rung
        for step, rung in self.rungs.items():
            above = sum(last >= step for last in self.moving.values())
            coming = 0 if self._is_complete(step, num_new) else self._count_coming(step, num_new, left, bound)
            places = max(1, (len(rung.ranked) + coming) // self.reduction_factor)
            is_over = not coming and not above and self.next_to_promote(step, num_new) is None
            last_rank = 0 if is_over else places + max(1, above)
            hopeless = [entry for entry in rung.waiting if rung.rank(entry) > last_rank]
            for entry in hopeless:
                yield entry[1], self._end(step, rung, entry, places, len(rung.ranked) + coming)
            still_waiting = len(rung.waiting) - len(hopeless)
            left += still_waiting
            bound = min(places, still_waiting + coming)

    def _count_coming(self, step: int, num_new: int, left: int, bound: float) -> int:
        """Return the most trials that may come to a rung: promoted from the rung below, new ones, and moving ones."""
        if self.may_skip_rungs:  # a rung without a value stops nobody
            return num_new + left + sum(last < step for last in self.moving.values())
        below = max((lower for lower in self.rungs if lower < step), default=0)
        return int(bound) + sum(below <= last < step for last in self.moving.values())

    def _end(self, step: int, rung: _Rung, entry: tuple[float, int], places: int, most: int) -> TrialEnd:
        value = -self.spec.objective.sign * entry[0]
        after = f"stopped after epoch {format_epoch(step / self.spec.validations_per_epoch)}: {value:.4f}"
        best = f"the best of {most} continues" if places == 1 else f"the best {places} of {most} continue"
        return TrialEnd(Outcome.STOPPED_EARLY, f"{after}, rank {rung.rank(entry)}, and {best}")


class Promotion:
    """The trials of a search that wait at rungs. Tell it of each new state of a trial.

    Without a rule that pauses, nothing ever waits.
    """

    def __init__(self, spec: SweepSpec) -> None:
        self.spec, self._waiting = spec, dict[int, Trial]()
        settings = spec.early_stopping_settings
        factor = settings.reduction_factor if isinstance(settings, AshaSettings) else 1
        self._ladders = [_Ladder(spec, factor) for _ in spec.systems] if spec.pausing_rungs else []

    def update(self, record: TrialRecord) -> None:
        """Take the new state of a trial of the search. Those of a race do not wait."""
        if not self._ladders or record.trial.race_of:
            return
        self._ladders[record.trial.system].update(record)
        self._waiting.pop(record.trial.number, None)
        if is_waiting(self.spec, record):
            self._waiting[record.trial.number] = record.trial

    @property
    def waiting(self) -> list[Trial]:
        """The trials that wait at a rung."""
        return list(self._waiting.values())

    def find_waiting(self, number: int) -> Trial | None:
        """Return the trial with this number if it waits."""
        return self._waiting.get(number)

    def next_trial(self, num_new: Sequence[int]) -> Trial | None:
        """Return the trial to promote now, from the highest rung that has one; None if there is none.

        `num_new` are the trials of each system that have not begun, those of a race apart.
        """
        for step in reversed(self.spec.pausing_rungs):
            for ladder, new in zip(self._ladders, num_new, strict=False):
                number = ladder.next_to_promote(step, new)
                if number is not None:
                    return self._waiting[number]
        return None

    def find_hopeless(self, num_new: Sequence[int]) -> list[tuple[Trial, TrialEnd]]:
        """Return the trials that wait and can no longer be promoted, with their ends."""
        pairs = zip(self._ladders, num_new, strict=False)
        return [(self._waiting[number], end) for ladder, new in pairs for number, end in ladder.find_hopeless(new)]
