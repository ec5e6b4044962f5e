"""The seconds that parts of a sweep take, as its record has them."""

from collections.abc import Sequence

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
