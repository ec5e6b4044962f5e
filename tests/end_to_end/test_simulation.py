"""A sweep in a simulated world, over thousands of schedules of ask, report, crash, restart and outage.

Whatever happens to it, and in whatever order: what was committed stays, nothing is done twice, and once the world is
left alone the sweep ends as one that nothing ever befell. Only hypothesis chooses, so that a failure is a short story.
"""

import shutil
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sweeper.execution.attempt import run_attempt
from sweeper.protocol.stages import ConfirmationStage, SearchStage, TestStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import Heartbeat, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import data
from tests.support.simulation.sweep import PATIENCE, World, happened, memory, spec_of
from tests.support.simulation.world import Killed, SimulatedTraining


class Sweeping(World, RuleBasedStateMachine):
    """What can happen to a sweep, and what holds of it all the time."""

    @initialize(
        seed=st.integers(0, 999),
        sampler=st.sampled_from(["random"] * 5 + ["tpe"]),
        trials=st.integers(3, 9),
        slots=st.integers(1, 4),
        losses=st.sampled_from([["ce"], ["ce", "lcl"]]),
        grace=st.integers(1, 2),
        metric=st.sampled_from([{"maximize": "validation/accuracy"}, {"minimize": "validation/loss"}]),
        seeds=st.integers(0, 3),
        first=st.sampled_from([SearchStage, SearchStage, ConfirmationStage, TestStage]),
    )
    def begin(
        self, seed: int, sampler: str, trials: int, slots: int, losses: list[str], grace: int, metric: dict[str, str],
        seeds: int, first: type,
    ) -> None:  # fmt: skip
        changes = {
            "compare": {"encoder": ["m"], "loss": losses},
            "asha": {"grace_epochs": grace, "reduction_factor": 2},
            "confirm": {"seeds": seeds},
        }
        self.spec = spec_of(sampler, trials, seed=seed, fail_fast_after=3, objective=metric, **changes)
        self.slots = slots
        self._open()
        self.until(first)

    # ---- what happens

    @rule(slots=st.integers(1, 4))
    def starts(self, slots: int) -> None:
        """The runner asks for trials, for free slots or in vain."""
        for _ in range(slots):
            self._start()

    @precondition(lambda self: self.workers)
    @rule(k=st.integers(0, 3), events=st.integers(1, 3))
    def works(self, k: int, events: int) -> None:
        """A worker trains, and what it says is under way."""
        worker = self._one(k)
        for _ in range(events):
            self._work(worker)

    @precondition(lambda self: self.workers)
    @rule(k=st.integers(0, 3), deaf=st.booleans())
    def arrives(self, k: int, deaf: bool) -> None:
        """The oldest that a worker said arrives; one that is to stop may hear it late."""
        worker = self._one(k)
        if worker.sent:
            self._arrive(worker, deaf)

    @rule(k=st.integers(0, 3), epochs=st.integers(1, 3), starts=st.integers(0, 3))
    def goes_on(self, k: int, epochs: int, starts: int) -> None:
        """Trials are started, a worker trains for some epochs, and all that it says arrives at once."""
        self._go_on(k, epochs, starts)

    @rule(newest_first=st.booleans())
    def all_go_on(self, newest_first: bool) -> None:
        """Every slot is used, and every worker trains for an epoch."""
        while self._start():
            pass
        for worker in self.workers[:: -1 if newest_first else 1]:
            self._train(worker)

    @rule(writes=st.integers(0, 5), torn=st.integers(0, 400), k=st.integers(0, 3), starts=st.integers(0, 1))
    def driver_is_killed_amid(self, writes: int, torn: int, k: int, starts: int) -> None:
        """After so many records, and a part of the next, of what is done then."""
        self.power.writes, self.power.torn = writes, torn
        self._go_on(k, 2, starts)

    @rule(room=st.integers(0, 1500), k=st.integers(0, 3), starts=st.integers(0, 1))
    def disk_is_full(self, room: int, k: int, starts: int) -> None:
        """After so many bytes of the record, whatever is done then."""
        self.room = self.path.stat().st_size + room
        self._go_on(k, 2, starts)

    @precondition(lambda self: self.workers)
    @rule(k=st.integers(0, 3))
    def worker_dies(self, k: int) -> None:
        worker = self._one(k)
        self._count("a worker died")
        self._lose(worker, "its worker process died")
        worker.events.close()

    @precondition(lambda self: self.workers)
    @rule(k=st.integers(0, 3))
    def worker_falls_silent(self, k: int) -> None:
        """Time passes; whoever is heard stays, and the silent one is given up, alone."""
        worker = self._one(k)
        begun = self.bridge.started
        checks = int(max(PATIENCE, 0 if worker.name in begun else 60.0) / 2) + 2
        for other in self.workers:
            self.bridge.worker_assigned(other.name)
        silent: list[str] = []
        for _ in range(checks):
            self.now += 2
            for other in self.workers:
                if other is not worker:
                    self.bridge.handle_event(other.name, Heartbeat())
            silent = self.bridge.find_stalled()
        self._count("a worker fell silent")
        self._hold([] if silent == [worker.name] else [f"silent are {silent}, not {worker.name}"])
        self._lose(worker, "it gave no sign of life")
        self.orphans.append(worker)

    @precondition(lambda self: self.workers)
    @rule(k=st.integers(0, 3))
    def trial_did_not_begin(self, k: int) -> None:
        """The tuner gives a trial back that no worker had begun with."""
        worker = self._one(k)
        if worker.name not in self.bridge.started and not worker.sent:
            self._count("a trial was given back")
            self.bridge.requeue(worker.name)
            self._gone(worker)

    @precondition(lambda self: self.orphans)
    @rule(k=st.integers(0, 9), events=st.integers(1, 4))
    def an_orphan_goes_on(self, k: int, events: int) -> None:
        """A worker that was given up trains on, and says so: to a tuner that may know its name, or to the search."""
        orphan = self.orphans[k % len(self.orphans)]
        before = self.path.read_bytes()
        for _ in range(events):
            orphan.works()
        for said in orphan.sent:
            self._count("an orphan spoke")
            self._hold(["an orphan goes on"] if self.bridge.handle_event(orphan.name, said) else [])
            if isinstance(said, ValidationReport):
                self._hold(["an orphan's report counts"] if self.stage.report(orphan.trial, said) else [])
            elif isinstance(said, TrialEnd):
                self.stage.trial_ended(orphan.trial, said)
        self.stage.worker_lost(orphan.trial, TrialEnd(Outcome.FAILED, "lost again"))
        orphan.sent.clear()
        self._hold(["the record has what an orphan said"] if self.path.read_bytes() != before else [])

    @precondition(lambda self: self.workers)
    @rule(how=st.sampled_from(["killed", "interrupted", "grew"]))
    def command_ends_and_is_given_again(self, how: str) -> None:
        """Between two operations: by a kill, or by the user, who may give it a larger budget."""
        self._count({"grew": "the budget grew"}.get(how, f"the driver was {how} between two operations"))
        if how == "grew":
            budget = self.spec.budget.model_copy(update={"trials": self.spec.budget.trials + 1})
            self.spec = self.spec.model_copy(update={"budget": budget})
        self._restart()

    @precondition(lambda self: self._checkpoints())
    @rule(k=st.integers(0, 5), gone=st.booleans())
    def checkpoint_is_damaged(self, k: int, gone: bool) -> None:
        found = self._checkpoints()
        path = found[k % len(found)]
        self.damaged.add(int(path.parent.name))
        self._count("a checkpoint was gone" if gone else "a checkpoint was damaged")
        if gone:
            path.unlink()
        else:
            path.write_text("1 who", encoding="utf-8")

    @precondition(lambda self: self.workers)
    @rule(state=st.sampled_from(["up", "down", "deaf"]))
    def mlflow_turns(self, state: str) -> None:
        self._count(f"MLflow was {state}")
        self.store.state = state

    @precondition(lambda self: self.workers)
    @rule(most=st.integers(1, 5), left=st.none() | st.integers(0, 6))
    def mlflow_is_sent_to(self, most: int, left: int | None) -> None:
        """Runs are brought level; perhaps the driver is killed amid the requests."""
        self.store.left = left
        try:
            self.window.send(most)
        except Killed:
            self._count("the driver was killed while it sent to MLflow")
            self._restart()
        self.store.left = None

    # ---- what holds

    @invariant()
    def what_is_committed_is_right_and_stays(self) -> None:
        self.audit()

    @invariant()
    def slots_are_never_exceeded(self) -> None:
        if hasattr(self, "bridge"):
            names = [worker.name for worker in self.workers]
            self._hold([] if len(names) <= self.slots and names == list(self.bridge.running) else [f"run: {names}"])

    def teardown(self) -> None:
        try:
            if self.sound and hasattr(self, "bridge"):
                self._left_alone()
        finally:
            if hasattr(self, "study"):
                self.study.close()
            shutil.rmtree(self.folder)


def simulated(schedules: int, number: int) -> Counter[str]:
    """Run so many schedules, always the same ones for a number; what happened in them."""
    happened.clear()
    run_state_machine_as_test(
        seed(number)(Sweeping),
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
    return happened


_FAULTS = (
    "something befell the stage ConfirmationStage",
    "something befell the stage TestStage",
    "MLflow was deaf",
    "MLflow was down",
    "a checkpoint was damaged",
    "a checkpoint was gone",
    "a trial was given back",
    "a worker died",
    "a worker fell silent",
    "an orphan spoke",
    "the budget grew",
    "the disk was full while something was recorded",
    "the disk was full while the record was opened",
    "the driver was interrupted between two operations",
    "the driver was killed between two operations",
    "the driver was killed while it sent to MLflow",
    "the driver was killed while something was recorded",
)


@pytest.mark.parametrize(
    ("schedules", "processes"),
    [
        pytest.param(150, 1, marks=pytest.mark.simulation),
        # it uses both cores by itself, so it does not run beside Ray's tests
        pytest.param(1000, 2, marks=[pytest.mark.slow, pytest.mark.xdist_group("ray")]),
    ],
)
def test_nothing_is_lost_repeated_or_doubled(schedules: int, processes: int) -> None:
    if processes == 1:
        seen = simulated(schedules, 0)
    else:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            seen = sum(pool.map(simulated, [schedules] * processes, range(processes)), Counter())
    print(*sorted(seen.items()), sep="\n")
    assert not [fault for fault in _FAULTS if not seen[fault]]
    assert not [outcome for outcome in Outcome if not seen[outcome] and outcome != Outcome.OUT_OF_MEMORY]


# ---- one trial after the other


def proposals(spec: SweepSpec, cuts: frozenset[int], torn: int) -> list[tuple[Trial, int, TrialEnd | None]]:
    """The trials of a sweep with one slot, and what came of them; it is killed after the trials `cuts`."""
    with tempfile.TemporaryDirectory(dir=memory()) as place:
        folder = Path(place)
        job = TrainingJob(SimulatedTraining(), {}, folder)
        for first, last in pairwise(sorted({0, *cuts, spec.budget.trials})):
            with closing(OptunaStudy(spec, folder / "record.journal", threads=1)) as study:
                search = SearchStage(spec, study, [])
                for _ in range(first, last):
                    trial = search.next_trial()
                    assert trial is not None
                    _run(search, trial, job)
                found = [(one.trial, len(one.reports), one.end) for one in study.all_trials()]
            with (folder / "record.journal").open("ab") as file:
                file.write(b"99 0123456 {"[:torn])
        return found


def _run(search: SearchStage, trial: Trial, job: TrainingJob) -> None:
    with closing(run_attempt(trial, job, data())) as events:
        for said in events:
            if isinstance(said, TrialEnd):
                search.trial_ended(trial, said)
            elif isinstance(said, ValidationReport) and not search.report(trial, said):
                return


@pytest.mark.simulation
@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    seed=st.integers(0, 999),
    sampler=st.sampled_from(["random", "tpe"]),
    cuts=st.frozensets(st.integers(1, 13), min_size=1),
    torn=st.integers(0, 12),
)
def test_crashes_between_trials_change_no_proposal(seed: int, sampler: str, cuts: frozenset[int], torn: int) -> None:
    spec = spec_of(sampler, 14, seed=seed, fail_fast_after=99)
    assert repr(proposals(spec, cuts, torn)) == repr(proposals(spec, frozenset(), 0))
