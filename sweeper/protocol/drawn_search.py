"""The trainings that a search still needs, drawn at random: settings to come, and the verdicts of early stopping."""

import heapq
import math
from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random

from sweeper.protocol.curve_forecast import Curve, CurveForecast
from sweeper.protocol.expected_epochs import deciding_rungs, passing_share, typical_config
from sweeper.protocol.failed_sweep import count_failed_rounds
from sweeper.protocol.promotion import promoted_shares, waiting_rung
from sweeper.protocol.race import is_race_trial
from sweeper.protocol.sweep_moment import SweepMoment
from sweeper.protocol.turns import count_of_share
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.trials.trial import TrialRecord

_Arrivals = dict[tuple[int, int], list[float]]
"""The values with which trials of a system have reached each rung, by bracket and rung, in ascending order."""

_UNKNOWN: Curve = ()


@dataclass
class DrawnTraining:
    """A training that is under way, or that has not begun; then `record` is None.

    `curve` has its values so far, or those of a trial like it, and `better` is by how much it is better than that one.
    `validations` are those that it makes yet, from `begin` to `end`, in seconds from now. `value` is its best one,
    where more is better; None if it does not complete. `is_promoted` says that it waits at a rung now.
    """

    system: int
    config: TrainConfig
    bracket: int
    curve: Curve
    record: TrialRecord | None = None
    is_race: bool = False
    better: float = 0.0
    value: float | None = None
    validations: int = 0
    begin: float = 0.0
    end: float = 0.0
    is_promoted: bool = False

    @property
    def reached(self) -> int:
        """The validation that it has reached."""
        return self.validations + (len(self.record.reports) if self.record else 0)

    @property
    def is_whole(self) -> bool:
        """True if early stopping does not end it."""
        return self.reached == self.config.num_validations


class SearchDrawer:
    """Draws the rest of a search as often as it is asked.

    A trial that has not begun gets the config and the curve of one of its system's trials so far. At a rung it is
    compared with those that reached the rung before, as early stopping does. Its value there is foreseen from its
    curve (curve_forecast.py).
    """

    def __init__(self, spec: SweepSpec, records: Sequence[TrialRecord]) -> None:
        """Start from what is on record."""
        self.spec = spec
        searched = [record for record in records if record.trial.is_of_search]
        systems = range(len(spec.systems))
        self._records = [[record for record in searched if record.trial.system == system] for system in systems]
        self._curves = [[_read_curve(spec, record) for record in system_records] for system_records in self._records]
        self._forecasts = [
            CurveForecast(curves, [record.trial.config.num_validations for record in system_records])
            for system_records, curves in zip(self._records, self._curves, strict=True)
        ]
        self._typical = [
            typical_config(spec, system, system_records) for system, system_records in enumerate(self._records)
        ]
        rounds = 1 + count_failed_rounds(spec, searched)
        self._begun = [count_of_share(system_records) for system_records in self._records]
        self._ends = [max(begun, rounds * spec.trial_budget(system)) for system, begun in enumerate(self._begun)]
        self._arrivals = [self._list_arrivals(system) for system in systems]
        self._shares = [promoted_shares(spec, system_records) for system_records in self._records]

    def _list_arrivals(self, system: int) -> _Arrivals:
        arrivals: dict[tuple[int, int], list[float]] = defaultdict(list)
        for record, curve in zip(self._records[system], self._curves[system], strict=True):
            bracket = record.trial.bracket
            for rung in self.spec.rungs_of(bracket):
                if len(curve) >= rung:
                    insort(arrivals[bracket, rung], curve[rung - 1])
        return arrivals

    @property
    def num_left(self) -> int:
        """The number of trainings in a draw."""
        new = sum(end - begun for begun, end in zip(self._begun, self._ends, strict=True))
        return new + sum(record.end is None for system_records in self._records for record in system_records)

    def draw(self, moment: SweepMoment, random: Random) -> list[DrawnTraining]:
        """Return the rest of the search: what runs, then what is new, in the order in which the systems take turns."""
        under_way = [training for system in range(len(self._records)) for training in self._draw_begun(system, random)]
        running = [training for training in under_way if not training.is_promoted]
        promoted = [training for training in under_way if training.is_promoted]
        new = [training for system in range(len(self._records)) for training in self._draw_new(system, random)]
        trainings = [*running, *promoted, *(training for _, training in sorted(new, key=lambda pair: pair[0]))]
        self._run(trainings, moment, random)
        return trainings

    def _draw_begun(self, system: int, random: Random) -> Iterator[DrawnTraining]:
        """Yield the trials that run, and of those that wait at rungs the ones that are drawn to be promoted."""
        for record, curve in zip(self._records[system], self._curves[system], strict=True):
            if record.end is None:
                trial, rung = record.trial, waiting_rung(self.spec, record)
                if not rung or random.random() < self._shares[system][rung]:
                    is_race = bool(trial.race_of)
                    yield DrawnTraining(
                        system, trial.config, trial.bracket, curve, record, is_race, is_promoted=bool(rung)
                    )

    def _draw_new(self, system: int, random: Random) -> Iterator[tuple[int, DrawnTraining]]:
        system_records, curves, end = self._records[system], self._curves[system], self._ends[system]
        known = [index for index, curve in enumerate(curves) if curve]
        for proposal in range(self._begun[system], end):
            is_race, bracket = is_race_trial(self.spec, proposal, end), self.spec.bracket_of(proposal)
            config, curve, better = self._typical[system], _UNKNOWN, random.random()
            if known:
                index = random.choice(known)
                config, curve = system_records[index].trial.config, curves[index]
                better = self._forecasts[system].draw_better(index, random)
            yield proposal, DrawnTraining(system, config, bracket, curve, None, is_race, better)

    def _run(self, trainings: Sequence[DrawnTraining], moment: SweepMoment, random: Random) -> None:
        """Run trainings on the slots, each as soon as one is free, up to the rung at which it is stopped."""
        arrivals = [{key: list(values) for key, values in of_system.items()} for of_system in self._arrivals]
        waiting, order = iter(trainings), count()
        running: list[tuple[float, int, DrawnTraining, int]] = []  # with the time and the validation of the next rung

        def start(begin: float) -> None:
            if (training := next(waiting, None)) is not None:
                training.begin = begin
                target = self._next_rung(training)
                seconds = _seconds_until(training, target, moment, random)
                heapq.heappush(running, (begin + seconds, next(order), training, target))

        for _ in range(moment.slots):
            start(0.0)
        while running:
            now, _, training, target = heapq.heappop(running)
            training.validations += target - training.reached
            if self._passes(training, arrivals[training.system], random) and not training.is_whole:
                later = self._next_rung(training)
                seconds = moment.steps(training.system, training.config, later - target, random)
                seconds += moment.pace.start if self.spec.pausing_rungs else 0.0  # it is another attempt
                heapq.heappush(running, (now + seconds, next(order), training, later))
            else:
                training.end = now
                if training.is_whole:
                    training.value = self._draw_best(training, random)
                start(now)

    def _next_rung(self, training: DrawnTraining) -> int:
        """Return the next validation at which early stopping decides about a training, or its last one."""
        config, rungs = training.config, []
        if not training.is_race:  # nothing in a race is stopped early
            rungs = deciding_rungs(self.spec, config, training.reached, training.bracket)
        return rungs[0] if rungs else config.num_validations

    def _passes(self, training: DrawnTraining, arrivals: _Arrivals, random: Random) -> bool:
        """Add the value of a training that has reached a rung. Return True if early stopping lets it pass."""
        rung = training.reached
        if rung not in self.spec.rungs_of(training.bracket):
            return True
        value = training.better + self._forecasts[training.system].draw_value(training.curve, rung, random)
        earlier = arrivals.setdefault((training.bracket, rung), [])
        index = bisect_right(earlier, value)
        better, count_before = len(earlier) - index, len(earlier)
        insort(earlier, value)
        return better + random.random() < (count_before + 1) * passing_share(self.spec, count_before)

    def _draw_best(self, training: DrawnTraining, random: Random) -> float:
        """Return the best value of a training that completes."""
        last = self._forecasts[training.system].draw_value(training.curve, training.config.num_validations, random)
        return training.better + max([*training.curve, last])


def _seconds_until(training: DrawnTraining, target: int, moment: SweepMoment, random: Random) -> float:
    if training.record is not None:
        return moment.rest_of_training(training.record, target - training.reached, random)
    return moment.whole_training(training.system, training.config, target, random)


def _read_curve(spec: SweepSpec, record: TrialRecord) -> list[float]:
    """Return the values of a trial at its validations; more is better, and -inf is none."""
    values = [spec.objective.sign * report.metrics.get(spec.objective.metric, -math.inf) for report in record.reports]
    return [value if math.isfinite(value) else -math.inf for value in values]
