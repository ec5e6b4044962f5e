"""The seconds that the parts of a sweep take, measured on its own record: pure functions.

A training's seconds between two validations are those of the trainings that cost the same. The machine is taken to go
on as fast as it was of late.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from statistics import fmean, median

from sweeper.protocol.calibration_points import cost_key
from sweeper.training.config import TrainConfig
from sweeper.training.registry import LOSSES
from sweeper.trials.trial import TrialRecord

_PAUSE = 10  # times the median of the seconds between two reports, from which on they are a pause
_LATE = 0.1  # share of the reports that tell how fast the machine is now

_Key = tuple[object, ...]


@dataclass(frozen=True)
class Pace:
    """Seconds that parts of a sweep take.

    `start` passes before a trial's training begins, `processes` once until the first trials of the present stage train.
    `scores` has the scoring of a model by system. `noise` is the standard deviation of the logarithm of a step.
    """

    steps: Mapping[_Key, float]
    systems: Sequence[float]
    scores: Sequence[float] = ()
    start: float = 0.0
    processes: float = 0.0
    noise: float = 0.0

    def step(self, system: int, config: TrainConfig) -> float:
        """Return the seconds that one can expect between two validations of a trial with this config."""
        return self.steps.get((system, *cost_key(config)), self.systems[system])

    def knows(self, system: int, config: TrainConfig) -> bool:
        """Return True if a trial that costs the same has reported."""
        return (system, *cost_key(config)) in self.steps

    def draw_factor(self, count: int, random: Random) -> float:
        """Return the time of so many steps relative to the expected one."""
        deviation = self.noise / math.sqrt(max(1, count))
        return math.exp(random.gauss(-(deviation**2) / 2, deviation)) if deviation else 1.0


def measure_pace(records: Sequence[TrialRecord], num_systems: int, slots: int, texts: Mapping[str, int]) -> Pace | None:
    """Return the pace of a sweep; None before its first report. `texts` are the sizes of its splits, where known."""
    reported = [record for record in records if record.reports]
    if not reported:
        return None
    pace = _measure_steps(reported, num_systems)
    stages = [[record for record in records if record.trial.is_of_search == is_search] for is_search in (True, False)]
    start, processes = _measure_waits(pace, stages, slots)
    scores = [_scoring_seconds(reported, system, texts, pace.systems[system]) for system in range(num_systems)]
    return replace(pace, scores=scores, start=start, processes=processes)


def _measure_waits(pace: Pace, stages: Iterable[Sequence[TrialRecord]], slots: int) -> tuple[float, float]:
    """Return the seconds from the start of a trial until it trains, and what the first ones of a stage wait longer."""
    first: list[float] = []
    later: list[float] = []
    for stage in stages:
        waits = [
            (index, _first_wait(record) - pace.step(record.trial.system, record.trial.config))
            for index, record in enumerate(stage)
            if record.reports
        ]
        first = [wait for index, wait in waits if index < slots] or first
        later += [wait for index, wait in waits if index >= slots]
    start = max(0.0, median(later)) if later else 0.0
    return start, max(0.0, median(first) - start) if first else 0.0


def _key(record: TrialRecord) -> _Key:
    """Return what the steps of a trial cost."""
    return record.trial.system, *cost_key(record.trial.config)


def _measure_steps(reported: Sequence[TrialRecord], num_systems: int) -> Pace:
    """Return the seconds between two validations, by what they cost and by system."""
    timed: list[tuple[int, _Key, float]] = []  # the time of a report, what it costs, and seconds since the last one
    for record in reported:
        key = _key(record)
        if "seconds" in record.reports[0].metrics:  # without the wait before the training
            first = min(record.reports[0].metrics["seconds"], _first_wait(record))
            timed.append((record.report_times[0], key, first))
        timed += [(after, key, (after - before) / 1000) for before, after in pairwise(record.report_times)]
    if not timed:
        usual = min(map(_first_wait, reported))
        return Pace({}, [usual] * num_systems)
    longest = _PAUSE * median(seconds for _, _, seconds in timed)
    timed = sorted((step for step in timed if step[2] <= longest), key=lambda step: step[0])
    grouped: dict[_Key, list[float]] = {}
    for _, key, seconds in timed:
        grouped.setdefault(key, []).append(seconds)
    steps = {key: fmean(seconds) for key, seconds in grouped.items()}
    late = timed[-max(1, round(_LATE * len(timed))) :]
    speed = math.sqrt(sum(seconds for _, _, seconds in late) / max(1e-9, sum(steps[key] for _, key, _ in late)))
    usual = fmean(steps.values())
    systems = []
    for system in range(num_systems):
        known = [seconds for _, key, seconds in timed if key[0] == system]
        systems.append(speed * (fmean(known) if known else usual))
    steps = {key: speed * seconds for key, seconds in steps.items()}
    return Pace(steps, systems, noise=_measure_noise(grouped.values()))


def _measure_noise(groups: Iterable[Sequence[float]]) -> float:
    """Return the standard deviation of the logarithm of steps that cost the same; 0 where none can be compared."""
    squares, freedom = 0.0, 0
    for seconds in groups:
        logarithms = [math.log(max(1e-3, duration)) for duration in seconds]
        mean = fmean(logarithms)
        squares += sum((logarithm - mean) ** 2 for logarithm in logarithms)
        freedom += len(seconds) - 1
    return math.sqrt(squares / freedom) if freedom else 0.0


def _first_wait(record: TrialRecord) -> float:
    """Return the seconds from the start of a trial to its first report; 0 if the clock was set back meanwhile."""
    return max(0.0, (record.report_times[0] - record.started_at) / 1000)


def _scoring_seconds(reported: Iterable[TrialRecord], system: int, texts: Mapping[str, int], step: float) -> float:
    """Return the seconds of scoring a model on validation and test, from those of its system's validations.

    Where these are not known, it is the time between two validations.
    """
    train, validation = texts.get("train", 0), texts.get("validation", 0)
    seconds, passes = [], 1
    for record in reported:
        config = record.trial.config
        if record.trial.system == system:
            passes = 2 if LOSSES[config.loss].has_weighting_network else 1
            for report in record.reports:
                if {"seconds", "examples_per_second"} <= report.metrics.keys():
                    training = train / config.validations_per_epoch / report.metrics["examples_per_second"]
                    seconds.append(report.metrics["seconds"] - training)
    if not seconds or not train or not validation:
        return step
    return max(0.0, median(seconds)) * (passes + texts.get("test", 0) / validation)
