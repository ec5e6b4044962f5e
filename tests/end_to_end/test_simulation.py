"""Simulated sweeps under random schedules of proposals, reports, crashes, restarts and outages.

Whatever happens, in whatever order: committed facts stay, nothing is done twice, and once the faults stop, the sweep
ends like one that never had any. Hypothesis makes every random choice, so that it can shrink a failure to a few steps.
"""

import shutil
from collections import Counter

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sweeper.protocol.search_stage import SearchStage
from sweeper.protocol.stages import ConfirmationStage, TestStage
from sweeper.training.types import Heartbeat, ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support.borrowed_trials import borrowed_trials
from tests.support.simulation.driver import STALL_TIMEOUT
from tests.support.simulation.limits import limits, with_more
from tests.support.simulation.state import fault_counts
from tests.support.simulation.sweep import CheckedSweep, simulated_spec
from tests.support.simulation.world import Killed


class SimulatedSweep(CheckedSweep, RuleBasedStateMachine):
    """The events of a sweep (rules), and the statements that always hold (invariants)."""

    @initialize(
        seed=st.integers(0, 999),
        sampler=st.sampled_from(["random"] * 4 + ["tpe"] + ["tpe that borrows"] * 2),
        trials=st.integers(3, 9),
        slots=st.integers(1, 4),
        losses=st.sampled_from([["ce"], ["ce", "lcl"]]),
        rule=st.sampled_from(["asha", "hyperband", "promotion"]),
        grace=st.integers(1, 2),
        per_epoch=st.sampled_from([1, 1, 2]),
        metric=st.sampled_from([{"maximize": "validation/accuracy"}, {"minimize": "validation/loss"}]),
        seeds=st.integers(0, 3),
        first=st.sampled_from([SearchStage, SearchStage, ConfirmationStage, TestStage]),
        limit=st.sampled_from(["none"] * 3 + ["epochs", "hours", "gpu_hours", "patience", "stop_at"]),
        amount=st.integers(4, 24),
        race_seeds=st.integers(0, 2),
    )
    def begin(
        self, seed: int, sampler: str, trials: int, slots: int, losses: list[str], rule: str, grace: int,
        per_epoch: int, metric: dict[str, str], seeds: int, first: type, limit: str, amount: int, race_seeds: int,
    ) -> None:  # fmt: skip
        per_epoch = per_epoch if limit == "none" else 1  # limits count a report as an epoch
        changes = {
            "compare": {"encoder": ["m"], "loss": losses},
            "training": {"validations_per_epoch": per_epoch},
            "early_stopping": {rule: {"grace_epochs": grace / per_epoch, "reduction_factor": 2}},
            "confirm": {"seeds": seeds},
            "resources": {"gpu": 1},
        }
        if race_seeds and trials >= (2 + 2 * race_seeds) * len(losses):
            changes["racing"] = {"settings": 2, "seeds": race_seeds}
        budget, stop_at = limits(limit, amount, metric)
        changes |= {"budget": {"trials": trials, **budget}, "objective": {**metric, **stop_at}}
        if sampler == "tpe that borrows":
            changes |= {"tpe": {"siblings": 0.5, "start_trials": 2}}
        self.spec = simulated_spec(sampler.partition(" ")[0], trials, seed=seed, fail_fast_after=3, **changes)
        if sampler == "tpe that borrows":
            self.borrowed = [
                borrowed_trials(self.spec, seed % 8)
            ]  # the sweep can learn from the first trial on, or later
        self.slots = slots
        self.start_driver()
        self.until(first)

    # ---- what happens

    @rule(slots=st.integers(1, 4))
    def trials_are_requested(self, slots: int) -> None:
        """The runner asks for trials, whether slots are free or not."""
        for _ in range(slots):
            self.start_trial()

    @precondition(lambda self: self.workers)
    @rule(k=st.integers(0, 3), events=st.integers(1, 3))
    def worker_trains(self, k: int, events: int) -> None:
        """A worker trains and sends events, which do not arrive yet."""
        worker = self.pick_worker(k)
        for _ in range(events):
            self.advance_worker(worker)

    @precondition(lambda self: self.workers)
    @rule(k=st.integers(0, 3), deaf=st.booleans())
    def event_arrives(self, k: int, deaf: bool) -> None:
        """A worker's oldest event arrives. A worker that is told to stop may notice it late."""
        worker = self.pick_worker(k)
        if worker.sent:
            self.deliver_event(worker, deaf)

    @rule(k=st.integers(0, 3), epochs=st.integers(1, 3), starts=st.integers(0, 3))
    def sweep_makes_progress(self, k: int, epochs: int, starts: int) -> None:
        """Trials start, and a worker trains for some epochs whose events arrive at once."""
        self.make_progress(k, epochs, starts)

    @rule(newest_first=st.booleans())
    def all_workers_train(self, newest_first: bool) -> None:
        """Every slot is filled, and every worker trains for an epoch."""
        self.train_all(newest_first=newest_first)

    @rule(writes=st.integers(0, 5), torn=st.integers(0, 400), k=st.integers(0, 3), starts=st.integers(0, 1))
    def driver_is_killed_while_writing(self, writes: int, torn: int, k: int, starts: int) -> None:
        """The driver is killed after some writes and part of the next one."""
        self.disk.writes, self.disk.torn = writes, torn
        self.make_progress(k, 2, starts)

    @rule(room=st.integers(0, 1500), k=st.integers(0, 3), starts=st.integers(0, 1))
    def disk_is_full(self, room: int, k: int, starts: int) -> None:
        """The disk has room for a few more bytes of the record."""
        self.free_bytes = self.path.stat().st_size + room
        self.make_progress(k, 2, starts)

    @precondition(lambda self: self.workers)
    @rule(k=st.integers(0, 3))
    def worker_dies(self, k: int) -> None:
        """A worker process dies, and the driver notices."""
        worker = self.pick_worker(k)
        self.count_fault("a worker died")
        self.lose_worker(worker, "its worker process died")
        worker.events.close()

    @precondition(lambda self: self.workers)
    @rule(k=st.integers(0, 3))
    def worker_stalls(self, k: int) -> None:
        """A worker sends nothing for too long. The driver gives up this worker alone, which becomes an orphan."""
        worker = self.pick_worker(k)
        startup_timeout = 0 if worker.name in self.bridge.started else 60.0
        checks = int(max(STALL_TIMEOUT, startup_timeout) / 2) + 2
        for other in self.workers:
            self.bridge.worker_assigned(other.name)
        stalled: list[str] = []
        for _ in range(checks):
            self.now += 2
            for other in self.workers:
                if other is not worker:
                    self.bridge.handle_event(other.name, Heartbeat())
            stalled = self.bridge.find_stalled()
        self.count_fault("a worker stalled")
        self.expect_none([] if stalled == [worker.name] else [f"stalled: {stalled}, not {worker.name}"])
        self.lose_worker(worker, "it gave no sign of life")
        self.orphans.append(worker)

    @precondition(lambda self: self.workers)
    @rule(k=st.integers(0, 3))
    def trial_is_returned(self, k: int) -> None:
        """Ray Tune returns a trial that no worker has started."""
        worker = self.pick_worker(k)
        if worker.name not in self.bridge.started and not worker.sent:
            self.count_fault("a trial was returned")
            self.bridge.requeue(worker.name)
            self.remove_worker(worker)

    @precondition(lambda self: self.orphans)
    @rule(k=st.integers(0, 9), events=st.integers(1, 4))
    def orphan_trains(self, k: int, events: int) -> None:
        """An orphan keeps training, and sends its events to the bridge and to the stage. Both must ignore them."""
        orphan = self.orphans[k % len(self.orphans)]
        before = self.path.read_bytes()
        for _ in range(events):
            orphan.advance()
        for event in orphan.sent:
            self.count_fault("an orphan sent an event")
            self.expect_none(["an orphan may continue"] if self.bridge.handle_event(orphan.name, event) else [])
            if isinstance(event, ValidationReport):
                self.expect_none(["an orphan's report counts"] if self.stage.report(orphan.trial, event) else [])
            elif isinstance(event, TrialEnd):
                self.stage.trial_ended(orphan.trial, event)
        self.stage.worker_lost(orphan.trial, TrialEnd(Outcome.FAILED, "lost again"))
        orphan.sent.clear()
        self.expect_none(["an orphan changed the record"] if self.path.read_bytes() != before else [])

    @precondition(lambda self: self.workers)
    @rule(how=st.sampled_from(["killed", "interrupted", "grew"]))
    def driver_restarts(self, how: str) -> None:
        """The driver is killed or interrupted between two operations. The user may restart it with a larger budget."""
        self.count_fault({"grew": "the budget grew"}.get(how, f"the driver was {how} between two operations"))
        if how == "grew":
            self.spec, self.search_was_over, self.has_grown = with_more(self.spec), False, True
        self.restart_driver()

    @precondition(lambda self: self.checkpoints())
    @rule(k=st.integers(0, 5), gone=st.booleans())
    def checkpoint_is_damaged(self, k: int, gone: bool) -> None:
        """A checkpoint is cut short or deleted."""
        paths = self.checkpoints()
        path = paths[k % len(paths)]
        self.damaged.add(int(path.parent.name))
        self.count_fault("a checkpoint was deleted" if gone else "a checkpoint was damaged")
        if gone:
            path.unlink()
        else:
            path.write_text("1 comp", encoding="utf-8")

    @precondition(lambda self: self.workers)
    @rule(state=st.sampled_from(["up", "down", "deaf"]))
    def mlflow_changes_state(self, state: str) -> None:
        """MLflow answers, refuses connections, or accepts requests without answering."""
        self.count_fault(f"MLflow was {state}")
        self.mlflow.state = state

    @precondition(lambda self: self.workers)
    @rule(most=st.integers(1, 5), left=st.none() | st.just(0) | st.integers(0, 6))
    def runs_are_synced(self, most: int, left: int | None) -> None:
        """Some runs are synced with MLflow. The driver may be killed after `left` requests."""
        self.mlflow.left = left
        try:
            self.tracker.sync(most)
        except Killed:
            self.count_fault("the driver was killed during a sync")
            self.restart_driver()
        self.mlflow.left = None

    # ---- what always holds

    @invariant()
    def record_is_right_and_loses_nothing(self) -> None:
        self.audit()

    @invariant()
    def slots_are_never_exceeded(self) -> None:
        if hasattr(self, "bridge"):
            names = [worker.name for worker in self.workers]
            self.expect_none(
                [] if len(names) <= self.slots and names == list(self.bridge.running) else [f"running: {names}"]
            )

    def teardown(self) -> None:
        try:
            if self.is_sound and hasattr(self, "bridge"):
                self.finish_undisturbed()
        finally:
            if hasattr(self, "study"):
                self.study.close()
            shutil.rmtree(self.folder)


def simulated(schedules: int, number: int) -> Counter[str]:
    """Run so many schedules, the same ones for the same `number`. Returns how often each fault happened."""
    fault_counts.clear()
    run_state_machine_as_test(
        seed(number)(SimulatedSweep),
        settings=settings(
            max_examples=schedules,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return fault_counts


_FAULTS = (
    "trials in a race",
    "trials were promoted",
    "a fault in ConfirmationStage",
    "a fault in TestStage",
    "MLflow was deaf",
    "MLflow was down",
    "a checkpoint was damaged",
    "a checkpoint was deleted",
    "a limit interrupted a trial",
    "a trial was returned",
    "a worker died",
    "a worker stalled",
    "an orphan sent an event",
    "proposals that learned from other trials",
    "the budget grew",
    "the disk was full while something was recorded",
    "the disk was full while the record was opened",
    "the driver was interrupted between two operations",
    "the driver was killed between two operations",
    "the driver was killed during a sync",
    "the driver was killed while something was recorded",
)


@pytest.mark.parametrize(
    ("schedules", "number"),
    [
        pytest.param(100, 0, marks=pytest.mark.simulation),
        pytest.param(400, 1, marks=pytest.mark.slow),
        pytest.param(1000, 2, marks=pytest.mark.exhaustive),
        pytest.param(1000, 3, marks=pytest.mark.exhaustive),
    ],
)
def test_no_schedule_of_faults_loses_repeats_or_doubles_anything(schedules: int, number: int) -> None:
    counts = simulated(schedules, number)
    print(*sorted(counts.items()), sep="\n")
    assert not [fault for fault in _FAULTS if not counts[fault]]
    assert not [outcome for outcome in Outcome if not counts[outcome] and outcome != Outcome.OUT_OF_MEMORY]
