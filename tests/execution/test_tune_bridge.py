"""A tuner's callbacks over fake trials and a fake clock: who is silent, who is lost, and what becomes of our errors."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.execution.tune_bridge import TuneBridge
from sweeper.training.config import TrainConfig
from sweeper.training.types import Heartbeat
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import Scripted, report, scripted

DIED = TrialEnd(Outcome.FAILED, "its worker process died")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class World:
    """A bridge over so many trials, looked at once a second."""

    def __init__(self, folder: Path, trials: int = 3, slots: int = 2, patience: float = 100) -> None:
        self.trials = Scripted([TrainConfig(encoder="m", epochs=3) for _ in range(trials)])
        self.clock = Clock()
        self.bridge = TuneBridge(self.trials, TrainingJob(scripted, {}, folder, patience), lambda: slots, self.clock)

    def pass_(self, seconds: int) -> list[str]:
        silent: list[str] = []
        for _ in range(seconds):
            self.clock.now += 1
            silent = self.bridge.stalled()
        return silent


def test_no_more_than_the_slots_and_over_when_all_have_ended(tmp_path: Path) -> None:
    world = World(tmp_path)
    bridge = world.bridge
    names = [name for name in "abc" if bridge.next_trial(name)]
    assert names == ["a", "b"]
    assert bridge.event("a", report(1, 0.5))
    assert not bridge.event("a", TrialEnd(Outcome.COMPLETED))
    assert bridge.next_trial("c")
    assert not bridge.is_exhausted
    for name in "bc":
        bridge.event(name, TrialEnd(Outcome.COMPLETED))
    assert bridge.is_exhausted
    assert bridge.next_trial("d") is None


def test_a_trial_is_silent_once_it_has_a_worker_and_was_not_heard_for_too_long(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.bridge.next_trial("a")
    world.bridge.next_trial("b")
    assert world.pass_(1000) == []  # no worker yet: nobody can be heard
    world.bridge.worker_assigned("a")
    world.bridge.event("b", Heartbeat())
    assert world.pass_(100) == []
    world.bridge.event("b", report(1, 0.5))
    assert world.pass_(1) == ["a"]
    assert world.pass_(100) == ["a", "b"]


def test_a_worker_has_a_minute_for_its_first_word(tmp_path: Path) -> None:
    world = World(tmp_path, patience=5)
    world.bridge.next_trial("a")
    world.bridge.worker_assigned("a")
    assert world.pass_(60) == []
    assert world.pass_(1) == ["a"]
    world.bridge.event("a", Heartbeat())
    world.bridge.worker_assigned("a")
    assert world.pass_(5) == []
    assert world.pass_(1) == ["a"]


def test_a_driver_that_was_suspended_takes_nobody_for_dead(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.bridge.next_trial("a")
    world.bridge.event("a", Heartbeat())
    world.clock.now += 100_000
    assert world.bridge.stalled() == []
    assert world.pass_(99) == ["a"]


def test_what_a_lost_trial_says_afterwards_is_ignored_and_it_comes_again(tmp_path: Path) -> None:
    world = World(tmp_path, trials=1)
    first = world.bridge.next_trial("a")
    world.bridge.event("a", Heartbeat())
    world.bridge.worker_lost("a", DIED)
    world.bridge.worker_lost("a", DIED)
    assert world.trials.losses == [1]
    assert not world.bridge.event("a", report(1, 0.5))
    second = world.bridge.next_trial("b")
    assert first is not None
    assert second is not None
    assert (second.number, second.attempt) == (first.number, first.attempt + 1)
    assert world.trials.reports == {}


def test_a_trial_that_was_never_heard_or_lost_its_node_had_no_part_in_it(tmp_path: Path) -> None:
    world = World(tmp_path, trials=2)
    world.bridge.next_trial("a")
    world.bridge.worker_lost("a", DIED)
    world.bridge.next_trial("b")
    world.bridge.event("b", Heartbeat())
    world.bridge.worker_lost("b", DIED, infrastructure_fault=True)
    assert world.trials.infrastructure_losses == [1, 2]
    assert world.trials.losses == []


def test_a_trial_that_did_not_begin_comes_again_as_it_was_and_nothing_is_counted(tmp_path: Path) -> None:
    world = World(tmp_path, trials=1)
    first = world.bridge.next_trial("a")
    world.bridge.requeue("a")
    assert not world.bridge.is_exhausted
    assert world.bridge.next_trial("b") == first
    assert world.trials.losses == []


def test_notes_are_passed_on_and_signs_of_life_are_not(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.bridge.next_trial("a")
    assert world.bridge.event("a", Heartbeat())
    assert world.bridge.event("a", Heartbeat("checkpoint-1.pt cannot be read"))
    assert world.trials.notes == [(1, "checkpoint-1.pt cannot be read")]


@pytest.mark.parametrize("where", ["next", "report", "exhausted"])
def test_an_error_on_our_side_ends_the_run_and_is_kept_as_it_was(tmp_path: Path, where: str) -> None:
    class Broken(Scripted):
        def next_trial(self) -> Trial | None:
            found: Trial | None = self._or_break("next", super().next_trial)
            return found

        def report(self, *arguments: Any) -> bool:
            return bool(self._or_break("report", lambda: super(Broken, self).report(*arguments)))

        def is_exhausted(self) -> bool:
            return bool(self._or_break("exhausted", super().is_exhausted))

        def _or_break(self, name: str, call: Any) -> Any:
            if name == where:
                raise OSError("no space left on device")
            return call()

    bridge = TuneBridge(
        Broken([TrainConfig(encoder="m")]), TrainingJob(scripted, {}, tmp_path, 100), lambda: 2, Clock()
    )
    checkpoint = tmp_path / "trials" / "1" / "checkpoint-1.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("all that the trial has done")
    bridge.next_trial("a")
    if bridge.running:
        bridge.event("a", report(1, 0.5))
    assert bridge.is_exhausted
    assert isinstance(bridge.error, OSError)
    assert bridge.next_trial("b") is None
    assert checkpoint.exists()  # for what came last is not in the record


def test_what_is_closed_lets_nothing_through_and_names_the_trials_that_have_not_ended(tmp_path: Path) -> None:
    world = World(tmp_path)
    first, second = world.bridge.next_trial("a"), world.bridge.next_trial("b")
    world.bridge.requeue("b")
    assert world.bridge.close() == [first, second]
    assert world.bridge.next_trial("c") is None
    assert not world.bridge.event("a", report(1, 0.5))
    world.bridge.worker_lost("a", DIED)
    assert world.trials.reports == {}
    assert world.trials.losses == []
