"""The time that a running sweep still takes, from its record.

The rest of the search is drawn several times, each time with other settings and other verdicts of early stopping, and
the median counts. In each draw, the trials are placed on the slots in their order, so slots that stay empty at the end
of a stage count too. Confirmation and test follow in the same way. All seconds are measured on the record (pace.py).
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean, median

from sweeper.protocol.confirmation import candidates, trials_to_score
from sweeper.protocol.drawn_search import DrawnTraining, SearchDrawer
from sweeper.protocol.expected_epochs import typical_config
from sweeper.protocol.makespan import makespan, time_of_work
from sweeper.protocol.pace import Pace, measure_pace
from sweeper.protocol.search_budget import STOP_AT, SearchBudget, SearchEnd
from sweeper.protocol.search_forecast import allowed_seconds, allowed_trials
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TrialRecord

_SHARE = 0.05  # of the time goes into estimates at most
_QUICK = 0.005  # seconds of an estimate that counts as nothing
_MOST_DRAWS, _FEWEST_DRAWS = 21, 3
_DRAWN_TRIALS = 2000  # in all draws together


class RemainingTime:
    """Estimates the remaining time of a sweep again and again, in a twentieth of the time at most.

    With thousands of trials an estimate takes a tenth of a second. Until the next is due, the last one runs down.
    """

    def __init__(
        self,
        spec: SweepSpec,
        slots: int,
        sessions: Sequence[SearchSession] = (),
        texts: Mapping[str, int] | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Take the number of trials at a time, the runs of the command that searched, and the texts of each split."""
        self.spec, self.slots, self.sessions, self.texts, self._timer = spec, slots, sessions, texts or {}, timer
        self._left: float | None = None
        self._at = self._due = 0.0  # of the last estimate: its `now`, and the timer's time until which it is good

    def seconds_left(self, records: Collection[TrialRecord], now: float) -> float | None:
        """Return an estimate for these records, as the function of this name does."""
        began = self._timer()
        if self._left is not None and began < self._due:
            return max(0.0, self._left - (now - self._at))
        self._left = seconds_left(self.spec, list(records), self.slots, now, self.sessions, self.texts)
        self._at, ended = now, self._timer()
        self._due = ended + ((ended - began) / _SHARE if ended - began > _QUICK else 0.0)
        return self._left


def seconds_left(
    spec: SweepSpec,
    records: Sequence[TrialRecord],
    slots: int,
    now: float,
    sessions: Sequence[SearchSession] = (),
    texts: Mapping[str, int] | None = None,
) -> float | None:
    """Return an estimate of the seconds until the last model is scored, with `slots` trials at a time.

    `now` is in seconds since 1970. `sessions` are the runs of the command that searched, the present one included;
    without them, no hours are taken to be used. `texts` is the number of texts in each split; without it, scoring a
    model is taken to be as long as a step. None before the first report, from which nothing can be known.
    """
    pace = measure_pace(records, len(spec.systems), max(1, slots), texts or {})
    if pace is None:
        return None
    moment = _Moment(spec, records, max(1, slots), now, pace)
    search = _search_seconds(moment, SearchBudget(spec, records, sessions))
    return search + _seconds_after_search(moment, is_searching=search > 0)


@dataclass(frozen=True)
class _Moment:
    """A sweep as far as it is known at a time, `now`."""

    spec: SweepSpec
    records: Sequence[TrialRecord]
    slots: int
    now: float
    pace: Pace

    @property
    def fresh(self) -> list[TrialRecord]:
        """The trials of the confirmation."""
        return [record for record in self.records if record.trial.source_trial]

    def whole_training(self, system: int, config: TrainConfig, validations: int) -> float:
        """Return the seconds of a trial that has not begun, up to a validation."""
        return self.pace.start + self.pace.step(system, config) * validations

    def rest_of_training(self, record: TrialRecord, validations: int, *, is_first: bool = False) -> float:
        """Return the seconds that a trial needs for its next validations. One of the first waits for processes."""
        step = self.pace.step(record.trial.system, record.trial.config)
        if not record.reports:
            whole = self.whole_training(record.trial.system, record.trial.config, validations)
            return max(0.0, whole + self.pace.processes * is_first - (self.now - record.started_at / 1000))
        since = min(max(0.0, self.now - record.report_times[-1] / 1000), step)
        return max(0.0, step * validations - since)


# ---- the search


def _search_seconds(moment: _Moment, budget: SearchBudget) -> float:
    """Return the seconds of the rest of the search, as far as its limits let it go."""
    drawer, random = SearchDrawer(moment.spec, moment.records), Random(0)
    draw = drawer.draw(random)
    end = budget.find_end(int(1000 * moment.now))
    if end is not None:
        return _seconds_after_end(moment, draw, budget, end)
    trials = allowed_trials(moment.spec, budget)
    lengths = [_drawn_seconds(moment, draw, trials, budget)]
    for _ in range(max(_FEWEST_DRAWS, min(_MOST_DRAWS, _DRAWN_TRIALS // max(1, len(draw)))) - 1):
        lengths.append(_drawn_seconds(moment, drawer.draw(random), trials, budget))
    return median(lengths)


def _seconds_after_end(moment: _Moment, draw: Sequence[DrawnTraining], budget: SearchBudget, end: SearchEnd) -> float:
    """Return the seconds until what runs has ended, or is interrupted at its next report by a limit."""
    if moment.fresh:
        return 0.0
    seconds = []
    for record, validations in [(it.record, it.validations) for it in draw if it.record is not None]:
        is_finished = end.limit == STOP_AT and budget.has_reached(record.trial.number)
        seconds.append(moment.rest_of_training(record, validations if is_finished else min(1, validations)))
    return makespan(seconds, moment.slots)


def _drawn_seconds(moment: _Moment, draw: Sequence[DrawnTraining], trials: float, budget: SearchBudget) -> float:
    """Return the seconds of a drawn search, of which each system is allowed so many trials."""
    counts = [0] * len(moment.spec.systems)
    seconds, validations, steps = [], [], []
    for training in draw:
        counts[training.system] += 1
        if training.record is not None:
            seconds.append(moment.rest_of_training(training.record, training.validations))
        elif counts[training.system] <= trials:
            seconds.append(moment.whole_training(training.system, training.config, training.validations))
        else:
            continue
        validations.append(training.validations)
        steps.append(moment.pace.step(training.system, training.config))
    if not seconds:
        return 0.0
    allowed = allowed_seconds(moment.spec, budget, moment.slots, moment.now)
    if moment.spec.budget.epochs is not None:
        left = max(0.0, moment.spec.budget.epochs - budget.spending().epochs) * moment.spec.validations_per_epoch
        if left < sum(validations):
            allowed = min(allowed, time_of_work(seconds, validations, moment.slots, left))
    last = fmean(steps) * moment.slots / (moment.slots + 1)  # a limit interrupts trials at their next reports
    return min(makespan(seconds, moment.slots), allowed + last)


# ---- confirmation and test


def _seconds_after_search(moment: _Moment, *, is_searching: bool) -> float:
    """Return the seconds of the rest of confirmation and test."""
    spec, fresh = moment.spec, moment.fresh
    if not spec.confirm.seeds:
        return 0.0
    has_begun = any(record.reports for record in fresh)
    running = [record for record in fresh if record.end is None]
    seconds = [
        moment.rest_of_training(it, it.trial.config.num_validations - len(it.reports), is_first=not has_begun)
        for it in running
    ]
    scores = []
    for system in range(len(spec.systems)):
        untrained = _untrained_seeds(moment, system, is_searching=is_searching)
        seconds += [moment.whole_training(system, it, it.num_validations) for configs in untrained for it in configs]
        scores += [moment.pace.scores[system]] * (spec.confirm.seeds if untrained else 0)
    if seconds or is_searching:
        processes = moment.pace.processes
        confirmation = makespan(seconds, moment.slots, 0.0 if fresh else processes)
        return confirmation + makespan(scores, moment.slots, processes)
    return _test_seconds(moment)


def _untrained_seeds(moment: _Moment, system: int, *, is_searching: bool) -> list[list[TrainConfig]]:
    """Return a config for each seed to be trained, for each setting of a system to confirm.

    While a system is searched, it is taken to get as many settings as it should.
    """
    own, confirm = [record for record in moment.records if record.trial.system == system], moment.spec.confirm
    chosen = candidates(moment.spec, own, system)
    untrained = [[it.trial.config] * (confirm.seeds - len(it.seeds)) for it in chosen]
    if is_searching:
        searched = [record for record in own if not record.trial.source_trial]
        typical = typical_config(moment.spec, system, searched)
        untrained += [[typical] * confirm.seeds] * (confirm.top - len(untrained))
    return untrained


def _test_seconds(moment: _Moment) -> float:
    """Return the seconds of the rest of the test, once the confirmation is over."""
    waiting = [moment.pace.scores[trial.system] for trial in trials_to_score(moment.spec, moment.records)]
    scored = sorted(record.test.at / 1000 for record in moment.fresh if record.test is not None)
    if not waiting or not scored:
        ended = max((record.ended_at or 0) / 1000 for record in moment.fresh) if moment.fresh else moment.now
        return max(0.0, makespan(waiting, moment.slots, moment.pace.processes) - (moment.now - ended))
    measured = [later - earlier for earlier, later in zip(scored, scored[moment.slots :], strict=False)]  # of one slot
    if measured:
        waiting = [fmean(measured)] * len(waiting)
    since = [moment.now - at for at in scored[-moment.slots :]]  # their slots score the next models
    begun = [max(0.0, seconds - passed) for seconds, passed in zip(waiting, since, strict=False)]
    return makespan([*begun, *waiting[len(begun) :]], moment.slots)
