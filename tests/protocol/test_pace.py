"""The seconds that parts of a sweep take, as its record has them."""

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from statistics import fmean, pstdev

import pytest

from sweeper.protocol.pace import Pace, measure_pace
from sweeper.trials.trial import Trial, TrialRecord
from tests.support.fakes import report
from tests.support.search_spaces import small_spec

SPEC = small_spec()


def trial(number: int, times: Sequence[float], system: int = 0, batch_size: int = 8, began: float = 0) -> TrialRecord:
    """Return a trial that reported at these times, in seconds."""
    setting = {**SPEC.systems[system], "batch_size": batch_size, "alpha": 0.5, "normalize": True, "tau": 0.1}
    config = SPEC.train_config(setting, seed=1, threads=1)
    reports = tuple(report(step, 0.5) for step in range(1, len(times) + 1))
    return TrialRecord(
        Trial(number, system, setting, config), reports, tuple(round(1000 * at) for at in times), round(1000 * began)
    )


def measured(*records: TrialRecord, slots: int = 1) -> Pace:
    pace = measure_pace(records, len(SPEC.systems), slots, {})
    assert pace is not None
    return pace


def step(pace: Pace, system: int, batch_size: int) -> float:
    return pace.step(system, trial(1, [], system, batch_size).trial.config)


def test_each_batch_size_of_a_system_has_its_own_step() -> None:
    pace = measured(trial(1, [4, 8, 12]), trial(2, [14, 16, 18], batch_size=4, began=12))
    assert step(pace, 0, 8) == pytest.approx(4)
    assert step(pace, 0, 4) == pytest.approx(2)


def test_a_system_or_setting_without_steps_gets_those_of_others() -> None:
    pace = measured(trial(1, [4, 8, 12]))
    assert step(pace, 0, 4) == step(pace, 1, 8) == pytest.approx(4)


def test_the_first_step_is_as_long_as_its_training_and_validation() -> None:
    """Of 14 seconds until the first report, 5 are training and validation."""
    first = trial(1, [14], batch_size=4)
    told = replace(first.reports[0], metrics={**first.reports[0].metrics, "seconds": 5.0})
    known = replace(first, reports=(told,))
    pace = measured(known)
    assert (step(pace, 0, 4), pace.processes) == (5, 9)
    assert step(measured(known, trial(2, [18, 22], began=14)), 0, 4) == 5
    assert pace.knows(0, known.trial.config)
    assert not pace.knows(1, trial(1, [], 1, 4).trial.config)


def test_steps_are_drawn_as_far_apart_as_they_have_been() -> None:
    pace, random = measured(trial(1, [1, 2, 4, 5, 7, 8, 10])), Random(0)
    assert pace.noise == pytest.approx(0.38, abs=0.01)  # of ln 1 and ln 2, three of each
    factors = [pace.draw_factor(1, random) for _ in range(3000)]
    assert fmean(factors) == pytest.approx(1, abs=0.03)
    assert pstdev(map(math.log, factors)) == pytest.approx(pace.noise, rel=0.05)
    four = [pace.draw_factor(4, random) for _ in range(3000)]
    assert pstdev(map(math.log, four)) == pytest.approx(pace.noise / 2, rel=0.05)


def test_equal_steps_are_drawn_without_noise() -> None:
    assert measured(trial(1, [4, 8, 12])).draw_factor(1, Random(0)) == 1


def test_a_pause_is_no_step() -> None:
    pace = measured(trial(1, [4, 8, 12, 16, 3600, 3604]))
    assert step(pace, 0, 8) == pytest.approx(4)


def test_a_machine_that_has_become_slower_is_taken_to_stay_slower() -> None:
    steady = [trial(number, [10 * number + 2 * k for k in range(5)], began=10 * number) for number in range(1, 5)]
    slow = trial(5, [50 + 4 * k for k in range(5)], began=50)
    assert step(measured(*steady), 0, 8) == pytest.approx(2)
    assert 2.4 < step(measured(*steady, slow), 0, 8) < 4  # their mean is 2.4


def test_the_first_trials_wait_for_processes_and_later_ones_only_for_their_start() -> None:
    first, second = trial(1, [14, 18], began=0), trial(2, [22.5, 26.5], began=18)
    pace = measured(first, second)
    assert pace.start == pytest.approx(0.5)
    assert pace.processes == pytest.approx(9.5)


def test_without_reports_there_is_none() -> None:
    assert measure_pace([trial(1, [])], len(SPEC.systems), 1, {}) is None
