"""One sweep in a simulated world: its driver, its workers and orphans, and the checks of what they leave.

What happens to it is for a test to say. Whoever kills the driver leaves everything as it is at that moment: the record
with the part of a line, the checkpoints, the workers, which go on and know nothing of it.
"""

import json
import os
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeper.errors import StorageError
from sweeper.execution.attempt import Event, run_attempt
from sweeper.execution.tune_bridge import TuneBridge
from sweeper.protocol import confirmation
from sweeper.protocol.results import build_results
from sweeper.protocol.stages import MAX_NODE_LOSSES, ConfirmationStage, SearchStage, TestStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder, SweepManifest
from sweeper.storage.trial_files import delete_trial_files
from sweeper.training.config import TrainConfig
from sweeper.training.types import ModelScores, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.crash_helpers import limited_file_size
from tests.support.fakes import data, scripted_trainer
from tests.support.protocol_oracle import check_budget, check_proposals, check_test_scores, check_trials
from tests.support.record_invariants import committed_facts, find_lost_facts, check_record
from tests.support.search_spaces import small_spec
from tests.support.simulation.mlflow import FakeMlflow, ManualTracker, check_store
from tests.support.simulation.world import Killed, FailingDisk, RecordPath, SimulatedTraining, simulated_scoring

PATIENCE = 10.0

happened: Counter[str] = Counter()  # faults of each kind, and what came of the sweeps


def memory() -> Path | None:
    """A file system without a disk, where there is one: a record is flushed at every line."""
    place = Path("/dev/shm")
    return place if os.access(place, os.W_OK) else None


def spec_of(sampler: str = "random", trials: int = 6, **changes: Any) -> SweepSpec:
    search = {"batch_size": [4, 8], "epochs": [2, 3, 5]}  # few settings: some come again
    return small_spec(
        **{"search": search, "training": {}, "sampler": sampler, "budget": {"trials": trials}, "retries": 1, **changes}
    )


@dataclass
class Worker:
    """A worker process at one attempt, and what it has said that did not arrive yet."""

    name: str
    trial: Trial
    events: Generator[Event, None, None]
    sent: deque[Event] = field(default_factory=deque)

    def works(self) -> None:
        """Go on to the next event, and send it."""
        found = next(self.events, None)
        if found is not None:
            self.sent.append(found)


class World:
    """A sweep, and what it runs in; `begin` sets what sweep it is, and how many of its trials run at once."""

    spec: SweepSpec
    slots: int

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sweep-", dir=memory()))
        self.job_folder = self.folder / "sweep"
        self.job_folder.mkdir()
        self.power = FailingDisk(aside=(self.job_folder / "trials", self.folder / "aside"))
        self.path = RecordPath(self.job_folder / "record.journal")
        self.path.power = self.power
        self.store, self.training, self.now, self.names = FakeMlflow(), SimulatedTraining(), 0.0, 0
        self.workers: list[Worker] = []
        self.orphans: list[Worker] = []  # of attempts that were given up, or whose driver died; they know nothing of it
        self.room: int | None = None
        self.damaged: set[int] = set()  # trials whose checkpoint was damaged since it was last written
        self.reached: dict[int, int] = {}  # epochs that each trial was trained for
        self.configs: dict[int, TrainConfig] = {}  # as each trial was first started
        self.given_up: set[int] = set()
        self.answered: set[int] = set()  # trials whose model's answers are on the disk
        self.seen = b""
        self.sound = True

    # ---- the checks

    def audit(self) -> None:
        """What is committed is right, and what was committed before is still there."""
        bytes_ = self.path.read_bytes() if self.path.exists() else b""
        if bytes_ == self.seen or not self.sound:
            return
        self._hold(find_lost_facts(self.seen, bytes_))
        self._hold([line for line in check_record(self.job_folder) if "repeats the setting" not in line])
        self._hold(check_proposals(self.path))
        self._hold(check_trials(self.spec, self.study.all_trials(), self.given_up))
        self.seen = bytes_

    def _left_alone(self) -> None:
        """Run the world without faults until the sweep is finished, and look at what came of it."""
        self.power.writes = self.room = None
        self.store.state = "up"
        for _ in range(1000):
            self._advance()
            unscored = isinstance(self.stage, TestStage) and self.stage.failed
            if not self.stage.has_pending and not self.stage.running and not unscored:
                break
            if self.stage.is_exhausted():
                self._restart()  # the first trials all failed alike, or a model was not scored: the same command again
            while self._start():
                pass
            for worker in list(self.workers):
                self._train(worker)
        self.audit()
        for recorded in self.study.all_trials():
            delete_trial_files(self.job_folder, recorded.trial)
        self._hold(check_budget(self.path, self.spec.budget.trials))
        self._hold([f"{path} is left" for path in self._checkpoints()])
        self.window.close(RunStatus.FINISHED)
        self._hold(check_store(self.store, self.study.all_trials()))
        before = self._results()
        self._restart()
        self._hold([] if self._results() == before else ["the results are not those of the record"])
        self._advance()
        self._hold([] if self.stage.is_exhausted() and self.bridge.is_exhausted else ["a finished sweep goes on"])
        self._hold(check_test_scores(self.spec, self.study.all_trials(), self.study.test_accesses(), self.answered))
        happened["schedules"] += 1
        happened["trials"] += self.spec.budget.trials
        happened["attempts"] += sum(one.trial.attempt for one in self.study.all_trials())
        happened.update(one.end.outcome.value for one in self.study.all_trials() if one.end)

    # ---- the driver

    def _open(self) -> None:
        """Give the command: a process of its own, on the record that is there."""
        while True:
            try:
                with self._space():
                    self.study = OptunaStudy(self.spec, self.path, threads=1)
                    break
            except (Killed, StorageError) as error:
                self._count(f"{_named(error)} while the record was opened")
                self.power.restore()
                self.room = None
                Path(f"{self.path}.lock").unlink()  # the system lets go of a dead process's lock
        self.window = ManualTracker(self.store, self._is_recorded)
        self._enter(SearchStage(self.spec, self.study, [self.window]))

    def _enter(self, stage: SearchStage | ConfirmationStage | TestStage) -> None:
        self.stage = stage
        self.bridge = TuneBridge(
            stage, TrainingJob(scripted_trainer, {}, self.job_folder, PATIENCE), lambda: self.slots, lambda: self.now
        )

    def _advance(self) -> None:
        """On to the next stage, where one is over; what is left of its workers speaks to nobody."""
        while not self.stage.has_pending and not self.stage.running and not isinstance(self.stage, TestStage):
            self.orphans = []
            watched = self.spec, self.study, [self.window]
            if isinstance(self.stage, SearchStage):
                self._enter(ConfirmationStage(*watched))
            else:
                todo = confirmation.trials_to_score(self.spec, self.study.all_trials())
                self._enter(TestStage(*watched, todo, opens=True, keep=self._kept))

    def until(self, stage: type) -> None:
        """Let the world run without faults until the sweep is in this stage, or is done."""
        for _ in range(1000):
            self._advance()
            if isinstance(self.stage, (stage, TestStage)) or self.stage.is_exhausted():
                return
            while self._start():
                pass
            for worker in list(self.workers):
                self._train(worker)

    def _kept(self, trial: Trial, _: ModelScores) -> None:
        recorded = {one.trial.number: one for one in self.study.all_trials()}
        self._hold(["a score was on record before the answers"] if recorded[trial.number].test else [])
        self.answered.add(trial.number)

    def _restart(self) -> None:
        """The driver's process is gone, as it is; its workers do not know it; the same command again."""
        before = self.path.read_bytes()
        self.study.close()
        self.power.restore()
        self.orphans = [*self.orphans, *self.workers][-4:]
        self.workers = []
        self._open()
        self._hold(find_lost_facts(before, self.path.read_bytes()))

    def _do(self, call: Callable[[], Any]) -> Any:
        """Something that may write to the record; what befalls it there ends the command."""
        with self._space():
            found = call()
        error = self.bridge.error
        if error is None:
            return found
        self._hold([] if isinstance(error, Killed | StorageError) else [f"{type(error).__name__}: {error}"])
        self._count(f"{_named(error)} while something was recorded")
        self.room = None if isinstance(error, StorageError) else self.room
        self._restart()
        return None

    def _space(self) -> Any:
        return nullcontext() if self.room is None else limited_file_size(self.room)

    def _is_recorded(self, told: TrialRecord) -> None:
        """What a tracker hears is on the disk by then."""
        facts, number = committed_facts(self.path.read_bytes()), told.trial.number
        places = [("metrics", number, report.step) for report in told.reports]
        self._hold(f"a tracker heard of {place} before the record" for place in places if place not in facts)
        if told.end and facts.get(("outcome", number)) != json.dumps(told.end.outcome.value):
            self._hold([f"a tracker heard of the end of trial {number} before the record"])

    # ---- the workers

    def _start(self) -> bool:
        self._advance()
        self.names += 1
        name, running = str(self.names), len(self.workers)
        trial = self._do(lambda: self.bridge.next_trial(name))
        if trial is None:
            return False
        self._hold(["more trials than slots"] if running >= self.slots else [])
        first = self.configs.setdefault(trial.number, trial.config)
        self._hold([f"trial {trial.number}: goes on as another"] if trial.config != first else [])
        train = simulated_scoring if isinstance(self.stage, TestStage) else self.training
        self.workers.append(Worker(name, trial, run_attempt(trial, TrainingJob(train, {}, self.job_folder), data())))
        return True

    def _go_on(self, k: int, epochs: int, starts: int) -> None:
        for _ in range(starts):
            self._start()
        for _ in range(epochs):
            if self.workers:
                self._train(self._one(k))

    def _one(self, k: int) -> Worker:
        return self.workers[k % len(self.workers)]

    def _gone(self, worker: Worker) -> None:
        self.workers = [other for other in self.workers if other is not worker]

    def _work(self, worker: Worker) -> None:
        """The next event of a worker; where it begins, it begins with what its predecessor left."""
        place = worker.trial.number, worker.trial.attempt
        begun, kept = place in self.training.began, self.training.kept.get(place)
        worker.works()
        if not begun and place in self.training.began:
            self._hold(self._begins_wrong(*place))
        if self.training.kept.get(place) != kept:
            self.damaged.discard(place[0])
        self.reached[place[0]] = self.training.trained.get(place, 0)

    def _begins_wrong(self, number: int, tries: int) -> Iterator[str]:
        """An attempt goes on from the last checkpoint where there is one: at most one epoch is trained again."""
        began, reached = self.training.began[number, tries], self.reached.get(number, 0)
        if began < reached - 1 and number not in self.damaged:
            yield f"trial {number}: attempt {tries} begins after {began} epochs, {reached} were trained"

    def _arrive(self, worker: Worker, deaf: bool = False) -> None:
        said = worker.sent.popleft()
        goes_on = self._do(lambda: self.bridge.handle_event(worker.name, said))
        if worker in self.workers and not goes_on:
            self._gone(worker)
            if deaf and not isinstance(said, TrialEnd):
                self.orphans.append(worker)

    def _train(self, worker: Worker) -> None:
        """To the next report, or to the end."""
        while worker in self.workers:
            if not worker.sent:
                self._work(worker)
            said = worker.sent[0]
            self._arrive(worker)
            if isinstance(said, ValidationReport):
                return

    def _lose(self, worker: Worker, reason: str) -> None:
        number, heard = worker.trial.number, worker.name in self.bridge.started
        before, most = (
            (self.stage.losses, self.spec.retries) if heard else (self.stage.infrastructure_losses, MAX_NODE_LOSSES)
        )
        if before[number] >= most and not isinstance(self.stage, TestStage):
            self.given_up.add(number)
        self._gone(worker)
        self._do(lambda: self.bridge.worker_lost(worker.name, TrialEnd(Outcome.FAILED, reason)))

    # ---- words

    def _checkpoints(self) -> list[Path]:
        return sorted(self.job_folder.glob("trials/*/checkpoint-*.pt"))

    def _results(self) -> str:
        folder = SweepFolder(self.job_folder, SweepManifest({}, {}, {}, 1))
        return json.dumps(build_results(self.spec, folder, self.study.all_trials()))

    def _count(self, fault: str) -> None:
        happened[fault] += 1
        if hasattr(self, "stage"):
            happened[f"something befell the stage {type(self.stage).__name__}"] += 1

    def _hold(self, violations: Any) -> None:
        found = list(violations)
        self.sound = self.sound and not found
        assert not found, "\n".join(found)


def _named(error: BaseException) -> str:
    return "the driver was killed" if isinstance(error, Killed) else "the disk was full"
