"""The time that a running sweep still takes, from its record: pure functions.

Early stopping, confirmation, test and the limits of the search are counted. Trials are placed on the slots in their
order, so that slots that stay empty at the end of a stage count too. The seconds of a validation, of a start, and of
the processes that a stage starts are taken from the record itself.
"""

import heapq
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, median

from sweeper.protocol.confirmation import candidates
from sweeper.protocol.expected_epochs import expect_search, typical_config
from sweeper.protocol.search_budget import STOP_AT, SearchBudget
from sweeper.protocol.search_forecast import allowed_seconds, allowed_trials
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TrialRecord

_PAUSE = 10  # times the median of the seconds between two reports, from which on they are a pause
_TEST_START = 1.4  # times that of another stage: the test split is loaded too
_SHARE = 0.05  # of the time goes into estimates at most
_QUICK = 0.005  # seconds of an estimate that counts as nothing
_SCORING = 0.35  # seconds of scoring a model on the test split, as a share of those between two validations


@dataclass(frozen=True)
class _Pace:
    """Seconds that parts of a trial take: `steps` between two validations of a system, `start` before a trial's first.

    `steps_by_batch` has those of a system with one batch size, where known. `stage` is what the first trials of a stage
    wait for the processes that run them.
    """

    steps: dict[int, float]
    steps_by_batch: dict[tuple[int, int], float]
    start: float
    stage: float

    def step(self, system: int, config: TrainConfig) -> float:
        """Return the seconds between two validations of a trial with this config."""
        return self.steps_by_batch.get((system, config.batch_size), self.steps[system])


class RemainingTime:
    """Estimates the remaining time of a sweep again and again, in a twentieth of the time at most.

    With thousands of trials an estimate takes tens of milliseconds. Until the next is due, the last one runs down.
    """

    def __init__(
        self,
        spec: SweepSpec,
        slots: int,
        sessions: Sequence[SearchSession] = (),
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.spec, self.slots, self.sessions, self._timer = spec, slots, sessions, timer
        self._left: float | None = None
        self._at = self._due = 0.0  # of the last estimate: its `now`, and the timer's time until which it is good

    def seconds_left(self, records: Collection[TrialRecord], now: float) -> float | None:
        """Return an estimate for these records, as the function of this name does."""
        began = self._timer()
        if self._left is not None and began < self._due:
            return max(0.0, self._left - (now - self._at))
        self._left, self._at = seconds_left(self.spec, list(records), self.slots, now, self.sessions), now
        ended = self._timer()
        self._due = ended + ((ended - began) / _SHARE if ended - began > _QUICK else 0.0)
        return self._left


def seconds_left(
    spec: SweepSpec, records: Sequence[TrialRecord], slots: int, now: float, sessions: Sequence[SearchSession] = ()
) -> float | None:
    """Return an estimate of the seconds until the last model is scored, with `slots` trials at a time.

    `now` is in seconds since 1970. `sessions` are the runs of the command that searched, the present one included;
    without them, no hours are taken to be used. None before the first report, from which nothing can be known.
    """
    pace = _measure_pace(spec, records, max(1, slots))
    if pace is None:
        return None
    budget = SearchBudget(spec, records, sessions)
    search = _rest_of_search(spec, records, pace, now, budget)
    left = min(_makespan(*search, max(1, slots)), allowed_seconds(spec, budget, max(1, slots), now))
    if spec.confirm.seeds:
        confirmation = _rest_of_confirmation(spec, records, pace, now, is_over=not any(search))
        has_begun = any(record.trial.source_trial for record in records)
        left += _makespan(*confirmation, max(1, slots)) + (pace.stage if any(confirmation) and not has_begun else 0.0)
        left += _rest_of_test(spec, records, pace, slots, now if not any(confirmation) else None)
    return left


def _measure_pace(spec: SweepSpec, records: Sequence[TrialRecord], slots: int) -> _Pace | None:
    reported = [record for record in records if record.reports]
    if not reported:
        return None
    grouped: dict[tuple[int, int], list[TrialRecord]] = {}
    for record in reported:
        grouped.setdefault((record.trial.system, record.trial.config.batch_size), []).append(record)
    measured = {key: _steps(group) for key, group in grouped.items()}
    by_batch = {key: fmean(seconds) for key, seconds in measured.items() if seconds}
    usual = fmean(by_batch.values()) if by_batch else min(map(_first_wait, reported))
    steps = {}
    for system in range(len(spec.systems)):
        known = [step for key, seconds in measured.items() if key[0] == system for step in seconds]
        steps[system] = fmean(known) if known else usual
    pace = _Pace(steps, by_batch, 0.0, 0.0)
    stages = [[it for it in reported if bool(it.trial.source_trial) == is_fresh] for is_fresh in (False, True)]
    waits = [
        [max(0.0, _first_wait(it) - pace.step(it.trial.system, it.trial.config)) for it in own] for own in stages if own
    ]
    later = [wait for own in waits for wait in own[slots:]]
    start = median(later) if later else 0.0
    return replace(pace, start=start, stage=fmean(max(0.0, median(own[:slots]) - start) for own in waits))


def _first_wait(record: TrialRecord) -> float:
    """Return the seconds from the start of a trial to its first report."""
    return (record.report_times[0] - record.started_at) / 1000


def _steps(records: Iterable[TrialRecord]) -> list[float]:
    """Return the seconds between two reports of the same trial, without pauses."""
    seconds = [(after - before) / 1000 for it in records for before, after in pairwise(it.report_times)]
    longest = _PAUSE * median(seconds) if seconds else 0.0
    return [step for step in seconds if step <= longest]


_Durations = tuple[list[float], list[float]]  # seconds that the running trials need yet, and those of the waiting ones


def _rest_of_search(
    spec: SweepSpec, records: Sequence[TrialRecord], pace: _Pace, now: float, budget: SearchBudget
) -> _Durations:
    """Return the rest of the search, as far as its limits of trials, epochs and patience let it go."""
    end = budget.find_end(int(1000 * now))
    allowed = [0.0 if end else allowed_trials(spec, budget)] * len(spec.systems)
    begun, waiting = [], []
    for training in expect_search(spec, records):  # of each system, what runs comes first
        record, is_allowed = training.record, allowed[training.system] > 0
        allowed[training.system] -= 1
        if record is not None:
            is_finished = end is None or (end.limit == STOP_AT and budget.has_reached(record.trial.number))
            validations = training.validations if is_finished else 1.0  # others are interrupted at their next report
            begun.append(_rest(record, validations, pace, now))
        elif is_allowed:
            waiting.append(pace.steps[training.system] * training.validations + pace.start)
    return [seconds for seconds in begun if seconds > 0], waiting


def _rest(record: TrialRecord, validations: float, pace: _Pace, now: float, *, is_first: bool = False) -> float:
    """Return the seconds that a trial which has begun still takes for its next `validations`."""
    step = pace.step(record.trial.system, record.trial.config)
    if not record.reports:
        whole = step * validations + pace.start + (pace.stage if is_first else 0.0)
        return max(0.0, whole - (now - record.started_at / 1000))
    since = min(max(0.0, now - record.report_times[-1] / 1000), step)
    return max(0.0, step * validations - since)


def _rest_of_confirmation(
    spec: SweepSpec, records: Sequence[TrialRecord], pace: _Pace, now: float, *, is_over: bool
) -> _Durations:
    """Return the rest of the confirmation. The search `is_over`, or has as many settings to confirm as it should."""
    fresh = [record for record in records if record.trial.source_trial]
    has_begun = any(record.reports for record in fresh)
    begun = [
        _rest(record, record.trial.config.num_validations - len(record.reports), pace, now, is_first=not has_begun)
        for record in fresh
        if record.end is None
    ]
    waiting = []
    for system in range(len(spec.systems)):
        own = [record for record in records if record.trial.system == system]
        chosen = [candidate.trial.config for candidate in candidates(spec, own, system)]
        if not is_over:
            searched = [record for record in own if not record.trial.source_trial]
            chosen += [typical_config(spec, system, searched)] * (spec.confirm.top - len(chosen))
        trained = sum(record.trial.system == system for record in fresh)
        wanted = [config for config in chosen for _ in range(spec.confirm.seeds)][trained:]
        waiting += [pace.step(system, config) * config.num_validations + pace.start for config in wanted]
    return begun, waiting


def _rest_of_test(spec: SweepSpec, records: Sequence[TrialRecord], pace: _Pace, slots: int, now: float | None) -> float:
    """Return the seconds of the test. `now` is given once the confirmation is over."""
    fresh = [record for record in records if record.trial.source_trial]
    scored = sorted(record.test.at / 1000 for record in fresh if record.test is not None)
    models = len(spec.systems) * spec.confirm.seeds - len(scored)
    if models <= 0:
        return 0.0
    if len(scored) > 1:
        return models * (scored[-1] - scored[0]) / (len(scored) - 1)
    since = 0.0 if now is None else now - max((record.ended_at or 0) / 1000 for record in fresh)
    return max(0.0, _TEST_START * pace.stage - since) + models * _SCORING * fmean(pace.steps.values()) / max(1, slots)


def _makespan(begun: Iterable[float], waiting: Iterable[float], slots: int) -> float:
    """Return the seconds until all trials have ended: those that run, and those that wait for a slot in their order."""
    free = [0.0] * slots
    for seconds in (*begun, *waiting):
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)
