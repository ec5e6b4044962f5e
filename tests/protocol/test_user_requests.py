"""Users stop a sweep or one of its trials: what is recorded, and that the rest of the sweep does not notice."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sweeper.errors import SweepInterrupted
from sweeper.execution.attempt import deliver
from sweeper.protocol.ranking import best_setting, score_trial
from sweeper.protocol.search_stage import SearchStage
from sweeper.protocol.stages import ConfirmationStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.requests import StopRequest
from sweeper.training.types import Heartbeat
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support.fakes import RecordingTracker, report
from tests.support.search_spaces import small_spec

SPEC: SweepSpec = small_spec(
    compare={"encoder": ["m"]},
    search={"alpha": {"uniform": [0.1, 0.9]}},
    training={"epochs": 3, "tau": 1.0, "loss": "scl"},
    asha="off",
    budget={"trials": 3},
    confirm={"seeds": 1},
)


class Driver:
    """A driver in its search. `asked` are the requests that it has not taken yet."""

    def __init__(self, folder: Path) -> None:
        self.study = OptunaStudy(SPEC, folder / "journal", threads=1)
        self.tracker, self.lines, self.asked = RecordingTracker(), list[str](), list[StopRequest]()
        self.stage = SearchStage(SPEC, self.study, [self.tracker], self.lines.append)
        self.stage.requests = self.take

    def take(self) -> list[StopRequest]:
        taken, self.asked = self.asked, []
        return taken


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    made = Driver(tmp_path)
    with closing(made.study):
        yield made


def test_a_trial_ends_at_its_next_sign_of_life_and_keeps_its_score(driver: Driver) -> None:
    stage = driver.stage
    first, second = stage.next_trial(), stage.next_trial()
    assert first
    assert second
    assert stage.report(first, report(1, 0.7))
    driver.asked = [StopRequest(first.number), StopRequest(77)]  # there is no trial 77
    assert deliver(Heartbeat(), second, stage)  # the request is taken at anybody's sign of life
    assert not deliver(Heartbeat(), first, stage)
    assert not stage.report(first, report(2, 0.9))
    stage.trial_ended(first, TrialEnd(Outcome.COMPLETED))  # too late: its worker had finished by then
    record = driver.study.get(first)
    assert record.end == TrialEnd(Outcome.STOPPED_EARLY, "stopped by the user after epoch 1")
    assert record.end.is_by_user
    assert driver.tracker.states[first.number].end == record.end
    assert not stage.will_continue(first)
    best = best_setting([score_trial(SPEC, record)], 0, 1)
    assert best
    assert (best.mean, best.completed) == (0.7, False)  # as a trial that early stopping ended
    assert stage.next_trial()  # the place in the budget is used, the next one is not
    assert stage.next_trial() is None


def test_a_trial_without_a_validation_and_one_that_waits_can_be_stopped(tmp_path: Path) -> None:
    before = Driver(tmp_path)
    with closing(before.study):
        assert before.stage.next_trial()
    driver = Driver(tmp_path)  # it has the interrupted trial to continue
    with closing(driver.study):
        driver.asked = [StopRequest(1)]
        driver.stage.take_requests()
        end = driver.study.all_trials()[0].end
        assert end
        assert end.reason == "stopped by the user before its first validation"
        following = driver.stage.next_trial()
        assert following
        assert (following.number, following.attempt) == (2, 1)


def test_a_sweep_that_is_asked_to_stop_is_interrupted_and_continues(tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    with closing(driver.study):
        trial = driver.stage.next_trial()
        assert trial
        driver.asked = [StopRequest()]
        with pytest.raises(SweepInterrupted) as interruption:
            driver.stage.heartbeat(trial)
        assert interruption.value.exit_code == 130
        assert driver.lines == ["stopping, because `sweeper stop` asks for it"]
    again = Driver(tmp_path)
    with closing(again.study):
        continued = again.stage.next_trial()
        assert continued
        assert (continued.number, continued.attempt) == (1, 2)


def test_no_seed_of_a_confirmation_can_be_stopped_alone(driver: Driver) -> None:
    for _ in range(3):
        trial = driver.stage.next_trial()
        assert trial
        for step in (1, 2, 3):
            driver.stage.report(trial, report(step, 0.5))
        driver.stage.trial_ended(trial, TrialEnd(Outcome.COMPLETED))
    confirmation = ConfirmationStage(SPEC, driver.study, [])
    confirmation.requests = driver.take
    seed = confirmation.next_trial()
    assert seed
    driver.asked = [StopRequest(seed.number)]
    assert confirmation.heartbeat(seed)
    driver.asked = [StopRequest()]
    with pytest.raises(SweepInterrupted):
        confirmation.take_requests()
