"""The bridge to Tune with fake trials and a fake clock: silent trials, lost workers, and errors of our own."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import SweepInterrupted
from sweeper.execution.tune_bridge import TuneBridge
from sweeper.training.config import TrainConfig
from sweeper.training.types import Heartbeat
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import ScriptedTrials, report, scripted_trainer

DIED = TrialEnd(Outcome.FAILED, "its worker process died")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class World:
    """A bridge to so many trials, checked once a second."""

    def __init__(self, folder: Path, trials: int = 3, slots: int = 2, stall_timeout: float = 100) -> None:
        self.trials = ScriptedTrials([TrainConfig(encoder="m", epochs=3) for _ in range(trials)])
        self.clock = Clock()
        self.bridge = TuneBridge(
            self.trials, TrainingJob(scripted_trainer, {}, folder, stall_timeout), lambda: slots, self.clock
        )

    def wait(self, seconds: int) -> list[str]:
        stalled: list[str] = []
        for _ in range(seconds):
            self.clock.now += 1
            stalled = self.bridge.find_stalled()
        return stalled


def test_slots_limit_the_running_trials_and_ended_trials_exhaust_the_bridge(tmp_path: Path) -> None:
    world = World(tmp_path)
    bridge = world.bridge
    names = [name for name in "abc" if bridge.next_trial(name)]
    assert names == ["a", "b"]
    assert bridge.handle_event("a", report(1, 0.5))
    assert not bridge.handle_event("a", TrialEnd(Outcome.COMPLETED))
    assert bridge.next_trial("c")
    assert not bridge.is_exhausted
    for name in "bc":
        bridge.handle_event(name, TrialEnd(Outcome.COMPLETED))
    assert bridge.is_exhausted
    assert bridge.next_trial("d") is None


def test_trial_with_a_worker_stalls_when_it_is_silent_for_too_long(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.bridge.next_trial("a")
    world.bridge.next_trial("b")
    assert world.wait(1000) == []  # without a worker a trial cannot send events
    world.bridge.worker_assigned("a")
    world.bridge.handle_event("b", Heartbeat())
    assert world.wait(100) == []
    world.bridge.handle_event("b", report(1, 0.5))
    assert world.wait(1) == ["a"]
    assert world.wait(100) == ["a", "b"]


def test_worker_has_a_minute_for_its_first_event(tmp_path: Path) -> None:
    world = World(tmp_path, stall_timeout=5)
    world.bridge.next_trial("a")
    world.bridge.worker_assigned("a")
    assert world.wait(60) == []
    assert world.wait(1) == ["a"]
    world.bridge.handle_event("a", Heartbeat())
    world.bridge.worker_assigned("a")
    assert world.wait(5) == []
    assert world.wait(1) == ["a"]


def test_suspended_driver_takes_no_trial_for_dead(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.bridge.next_trial("a")
    world.bridge.handle_event("a", Heartbeat())
    world.clock.now += 100_000
    assert world.bridge.find_stalled() == []
    assert world.wait(99) == ["a"]


def test_lost_trial_is_ignored_from_then_on_and_is_started_again(tmp_path: Path) -> None:
    world = World(tmp_path, trials=1)
    first = world.bridge.next_trial("a")
    world.bridge.handle_event("a", Heartbeat())
    world.bridge.worker_lost("a", DIED)
    world.bridge.worker_lost("a", DIED)
    assert world.trials.losses == [1]
    assert not world.bridge.handle_event("a", report(1, 0.5))
    second = world.bridge.next_trial("b")
    assert first is not None
    assert second is not None
    assert (second.number, second.attempt) == (first.number, first.attempt + 1)
    assert world.trials.reports == {}


def test_loss_before_the_first_event_or_with_the_node_is_an_infrastructure_fault(tmp_path: Path) -> None:
    world = World(tmp_path, trials=2)
    world.bridge.next_trial("a")
    world.bridge.worker_lost("a", DIED)
    world.bridge.next_trial("b")
    world.bridge.handle_event("b", Heartbeat())
    world.bridge.worker_lost("b", DIED, infrastructure_fault=True)
    assert world.trials.infrastructure_losses == [1, 2]
    assert world.trials.losses == []


def test_requeued_trial_comes_again_unchanged_and_no_loss_is_counted(tmp_path: Path) -> None:
    world = World(tmp_path, trials=1)
    first = world.bridge.next_trial("a")
    world.bridge.requeue("a")
    assert not world.bridge.is_exhausted
    assert world.bridge.next_trial("b") == first
    assert world.trials.losses == []


def test_notes_are_passed_on_and_plain_heartbeats_are_not(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.bridge.next_trial("a")
    assert world.bridge.handle_event("a", Heartbeat())
    assert world.bridge.handle_event("a", Heartbeat("checkpoint-1.pt cannot be read"))
    assert world.trials.notes == [(1, "checkpoint-1.pt cannot be read")]


@pytest.mark.parametrize("where", ["next", "report", "exhausted"])
def test_error_of_our_own_ends_the_run_and_is_stored_unchanged(tmp_path: Path, where: str) -> None:
    class BrokenTrials(ScriptedTrials):
        def next_trial(self) -> Trial | None:
            trial: Trial | None = self._call_or_fail("next", super().next_trial)
            return trial

        def report(self, *arguments: Any) -> bool:
            return bool(self._call_or_fail("report", lambda: super(BrokenTrials, self).report(*arguments)))

        def is_exhausted(self) -> bool:
            return bool(self._call_or_fail("exhausted", super().is_exhausted))

        def _call_or_fail(self, name: str, call: Any) -> Any:
            if name == where:
                raise OSError("no space left on device")
            return call()

    bridge = TuneBridge(
        BrokenTrials([TrainConfig(encoder="m")]), TrainingJob(scripted_trainer, {}, tmp_path, 100), lambda: 2, Clock()
    )
    checkpoint = tmp_path / "trials" / "1" / "checkpoint-1.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_text("all that the trial has done")
    bridge.next_trial("a")
    if bridge.running:
        bridge.handle_event("a", report(1, 0.5))
    assert bridge.is_exhausted
    assert isinstance(bridge.error, OSError)
    assert bridge.next_trial("b") is None
    assert checkpoint.exists()  # because the last event may not be in the record


def test_closed_bridge_ignores_all_calls_and_returns_the_unfinished_trials(tmp_path: Path) -> None:
    world = World(tmp_path)
    first, second = world.bridge.next_trial("a"), world.bridge.next_trial("b")
    world.bridge.requeue("b")
    assert world.bridge.close() == [first, second]
    assert world.bridge.next_trial("c") is None
    assert not world.bridge.handle_event("a", report(1, 0.5))
    world.bridge.worker_lost("a", DIED)
    assert world.trials.reports == {}
    assert world.trials.losses == []


class ClosingLock:
    """A lock that another thread takes first, to close the bridge."""

    def __init__(self, bridge: TuneBridge) -> None:
        self.bridge, self.lock, self.unfinished = bridge, bridge._lock, list[Trial]()

    def __enter__(self) -> None:
        self.bridge._lock = self.lock
        self.unfinished = self.bridge.close()
        self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


@pytest.mark.parametrize("call", ["worker_lost", "requeue"])
def test_a_trial_that_is_lost_while_the_bridge_closes_is_among_the_unfinished(call: str, tmp_path: Path) -> None:
    world = World(tmp_path)
    trial = world.bridge.next_trial("a")
    lock: Any = ClosingLock(world.bridge)
    world.bridge._lock = lock
    getattr(world.bridge, call)("a", *([DIED] if call == "worker_lost" else []))
    assert lock.unfinished == [trial]
    assert (world.trials.losses, world.trials.infrastructure_losses) == ([], [])


def test_a_request_to_stop_the_sweep_ends_the_run_and_is_raised_unchanged(tmp_path: Path) -> None:
    world = World(tmp_path)
    asked = SweepInterrupted(130)

    def refuse() -> None:
        raise asked

    world.bridge.next_trial("a")
    world.trials.take_requests = refuse  # type: ignore[method-assign]
    world.bridge.take_requests()
    assert world.bridge.error is asked
    assert world.bridge.next_trial("b") is None
