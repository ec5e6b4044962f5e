"""The times in a record increase, even if the clock is set back between two commands: they decide at a rung."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sweeper.record.optuna_study import OptunaStudy
from sweeper.record.trial_attributes import increasing_timestamps
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import report
from tests.support.search_spaces import small_spec

MORNING = 1_780_000_000.0  # seconds since 1970
SPEC = small_spec(compare={"encoder": ["m"], "loss": ["ce"]}, search={"batch_size": {"int": [2, 64]}})


def open_at(folder: Path, seconds: float) -> "closing[OptunaStudy]":
    """Open the record on a machine whose clock stands still at this time."""
    return closing(OptunaStudy(SPEC, folder / "journal", 1, clock=lambda: seconds))


def test_times_increase_while_the_clock_stands_still_or_goes_back() -> None:
    readings = iter([10.0, 10.0, 5.0, 10.002, 11.0])
    now = increasing_timestamps(10_500, lambda: next(readings))
    assert [now() for _ in range(5)] == [10_501, 10_502, 10_503, 10_504, 11_000]


def test_reports_after_the_clock_was_set_back_are_later_and_count_as_later_at_a_rung(tmp_path: Path) -> None:
    with open_at(tmp_path, MORNING) as study:
        first = study.ask(0)
        study.report(first, report(1, 0.8))
    with open_at(tmp_path, MORNING - 3600) as study:
        study.report(study.restart(first), report(2, 0.8))
        second = study.ask(0)
        end = study.report(second, report(1, 0.7)).end
        times = [at for trial in (first, second) for at in study.get(trial).report_times]
    assert end == TrialEnd(Outcome.STOPPED_EARLY, "stopped after epoch 1: 0.7000, needed 0.8000")
    assert times[0] == 1000 * int(MORNING)
    assert times == sorted(set(times))


@pytest.mark.parametrize("action", [OptunaStudy.record_test_access, lambda study, _: study.begin_session(0, 0)])
def test_a_report_is_later_than_whatever_the_record_has(
    action: Callable[[OptunaStudy, Trial], None], tmp_path: Path
) -> None:
    with open_at(tmp_path, MORNING) as study:
        trial = study.ask(0)
        action(study, trial)
    with open_at(tmp_path, MORNING - 3600) as study:
        assert study.report(trial, report(1, 0.8)).report_times == (1000 * int(MORNING) + 1,)
