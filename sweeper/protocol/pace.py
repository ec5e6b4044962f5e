"""The seconds that the parts of a sweep take, measured on its own record: pure functions.

A training's seconds between two validations are those of the trainings that cost the same. The machine is taken to go
on as fast as it was of late.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from sweeper.protocol.calibration_points import cost_key
from sweeper.training.config import TrainConfig
from sweeper.training.registry import LOSSES
from sweeper.trials.trial import TrialRecord

_PAUSE = 10  # times the median of the seconds between two reports, from which on they are a pause
_LATE = 0.2  # share of the reports that tell how fast the machine is now

_Key = tuple[object, ...]


@dataclass(frozen=True)
class Pace:
    """Seconds that parts of a sweep take.

    `start` passes before a trial's training begins, `processes` once in a stage until its first trials train. `scores`
    has the scoring of a model by system.
    """

    steps: Mapping[_Key, float]
    systems: Sequence[float]
    scores: Sequence[float]
    start: float
    processes: float

    def step(self, system: int, config: TrainConfig) -> float:
        """Return the seconds between two validations of a trial with this config."""
        return self.steps.get((system, *cost_key(config)), self.systems[system])


def measure_pace(records: Sequence[TrialRecord], num_systems: int, slots: int, texts: Mapping[str, int]) -> Pace | None:
    """Return the pace of a sweep; None before its first report. `texts` are the sizes of its splits, where known."""
    reported = [record for record in records if record.reports]
    if not reported:
        return None
    steps, systems = _measure_steps(reported, num_systems)
    pace = Pace(steps, systems, (), 0.0, 0.0)
    stages = [[it for it in reported if bool(it.trial.source_trial) == is_fresh] for is_fresh in (False, True)]
    waits = [[_first_wait(it) - pace.step(it.trial.system, it.trial.config) for it in own] for own in stages if own]
    later = [wait for own in waits for wait in own[slots:]]
    start = max(0.0, median(later)) if later else 0.0
    processes = max(0.0, median(waits[-1][:slots]) - start)
    scores = [_scoring_seconds(reported, system, texts, systems[system]) for system in range(num_systems)]
    return Pace(steps, systems, scores, start, processes)


def _measure_steps(reported: Sequence[TrialRecord], num_systems: int) -> tuple[dict[_Key, float], list[float]]:
    """Return the seconds between two validations, by what they cost and by system."""
    timed: list[tuple[int, _Key, float]] = []  # the time of a report, what it costs, and seconds since the last one
    for record in reported:
        key = (record.trial.system, *cost_key(record.trial.config))
        timed += [(after, key, (after - before) / 1000) for before, after in pairwise(record.report_times)]
    if not timed:
        usual = min(map(_first_wait, reported))
        return {}, [usual] * num_systems
    longest = _PAUSE * median(seconds for _, _, seconds in timed)
    timed = sorted((it for it in timed if it[2] <= longest), key=lambda it: it[0])
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
    return {key: speed * seconds for key, seconds in steps.items()}, systems


def _first_wait(record: TrialRecord) -> float:
    """Return the seconds from the start of a trial to its first report."""
    return (record.report_times[0] - record.started_at) / 1000


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
