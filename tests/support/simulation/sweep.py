"""One simulated sweep: its driver, its workers and orphans, and the checks of what they leave behind.

A test decides what happens to it. A killed driver leaves everything as it is at that moment: a record that may end in
half a line, the checkpoints, and the workers, which keep training.
"""

import json
import os
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sweeper.errors import StorageError
from sweeper.execution.attempt import Event, run_attempt
from sweeper.execution.tune_bridge import TuneBridge
from sweeper.protocol import confirmation
from sweeper.protocol.failed_sweep import is_unsuccessful
from sweeper.protocol.results import build_results
from sweeper.protocol.stage import MAX_NODE_LOSSES
from sweeper.protocol.stages import ConfirmationStage, SearchStage, TestStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder, SweepManifest
from sweeper.storage.trial_files import delete_trial_files, trial_folder
from sweeper.training.config import TrainConfig
from sweeper.training.types import ModelScores, ValidationReport
from sweeper.trials.borrowed import BorrowedTrials
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.crash_helpers import limited_file_size
from tests.support.fakes import data, scripted_trainer
from tests.support.protocol_oracle import (
    check_budget,
    check_confirmation,
    check_proposals,
    check_race,
    check_test_scores,
    check_trials,
)
from tests.support.record_invariants import check_record, committed_facts, find_lost_facts
from tests.support.search_end_oracle import check_search_end
from tests.support.search_spaces import small_spec
from tests.support.simulation.limits import has_limits, without_limits
from tests.support.simulation.mlflow import FakeMlflow, ManualTracker, check_store
from tests.support.simulation.world import (
    CLASS_COUNTS,
    REPORT_SECONDS,
    FailingDisk,
    Killed,
    RecordPath,
    SimulatedTraining,
    simulated_scoring,
)

STALL_TIMEOUT = 10.0  # seconds

fault_counts: Counter[str] = Counter()  # faults of each kind, and outcomes of trials


def fast_folder() -> Path | None:
    """Return a folder in memory if there is one, because a record is flushed after every line."""
    folder = Path("/dev/shm")
    return folder if os.access(folder, os.W_OK) else None


def simulated_spec(sampler: str = "random", trials: int = 6, **changes: Any) -> SweepSpec:
    """Return the spec of a simulated sweep, with these keys replaced."""
    search = {"batch_size": [4, 8], "epochs": [2, 3, 5]}  # few settings, so that some are repeated
    return small_spec(
        **{"search": search, "training": {}, "sampler": sampler, "budget": {"trials": trials}, "retries": 1, **changes}
    )


@dataclass
class Worker:
    """A worker process with one attempt, and its events that have not reached the driver yet."""

    name: str
    trial: Trial
    events: Generator[Event, None, None]
    sent: deque[Event] = field(default_factory=deque)

    def advance(self) -> None:
        """Train up to the next event and send it."""
        event = next(self.events, None)
        if event is not None:
            self.sent.append(event)


class World:
    """A sweep and its surroundings. A test sets `spec` and `slots`, the number of trials that run at once."""

    spec: SweepSpec
    slots: int
    borrowed: Sequence[BorrowedTrials] = ()  # from earlier sweeps

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="sweep-", dir=fast_folder()))
        self.job_folder = self.folder / "sweep"
        self.job_folder.mkdir()
        self.disk = FailingDisk(aside=(self.job_folder / "trials", self.folder / "aside"))
        self.path = RecordPath(self.job_folder / "record.journal")
        self.path.disk = self.disk
        self.mlflow, self.training, self.now, self.num_workers = FakeMlflow(), SimulatedTraining(), 0.0, 0
        self.wall = 1.7e9  # seconds since 1970
        self.searched_seconds = 0.0  # of all drivers, without the pauses between them
        self.search_was_over = False  # under the present budget
        self.workers: list[Worker] = []
        self.orphans: list[Worker] = []  # of attempts that the driver gave up, or of a dead driver; they keep training
        self.free_bytes: int | None = None
        self.damaged: set[int] = set()  # trials whose checkpoint was damaged after it was last written
        self.epochs_trained: dict[int, int] = {}  # by trial
        self.configs: dict[int, TrainConfig] = {}  # by trial, at its first start
        self.given_up: set[int] = set()
        self.with_predictions: set[int] = set()  # trials whose predictions are on the disk
        self.committed = b""  # the journal at the last audit
        self.is_sound = True  # no check has failed yet

    # ---- the checks

    def audit(self) -> None:
        """Check that the record is right and has lost nothing since the last audit."""
        journal = self.path.read_bytes() if self.path.exists() else b""
        if journal == self.committed or not self.is_sound:
            return
        self._expect_none(find_lost_facts(self.committed, journal))
        self._expect_none([line for line in check_record(self.job_folder) if "repeats the setting" not in line])
        self._expect_none(check_proposals(self.path))
        self._expect_none(check_trials(self.spec, self.study.all_trials(), self.given_up))
        self.committed = journal

    def _finish_undisturbed(self) -> None:
        """Run the sweep to its end without further faults, and check the result."""
        self.disk.writes = self.free_bytes = None
        self.mlflow.state = "up"
        self._run_to_end()
        if has_limits(self.spec):
            self._check_limited()
            self.spec, self.search_was_over = without_limits(self.spec), False
            self._restart_driver()
            self._run_to_end()
        self._check_finished()

    def _run_to_end(self) -> None:
        for _ in range(1000):
            self._advance_stage()
            unscored = isinstance(self.stage, TestStage) and self.stage.failed
            if not self.stage.has_pending and not self.stage.running and not unscored:
                break
            if self.stage.is_exhausted():
                self._restart_driver()  # the first trials all failed, or a model was not scored
            while self._start_trial():
                pass
            for worker in list(self.workers):
                self._train_to_report(worker)
        self.audit()

    def _check_limited(self) -> None:
        """Check a sweep whose search may have ended by a limit, with interrupted trials that can be continued."""
        records = self.study.all_trials()
        self._expect_none(check_search_end(self.spec, records, self.slots, self.searched_seconds))
        for record in records:
            number = record.trial.number
            if record.end is None and record.reports and number not in self.damaged:
                folder = trial_folder(self.job_folder, record.trial)
                self._expect_none([] if list(folder.glob("checkpoint-*")) else [f"trial {number}: cannot be continued"])
            if record.end is None:
                self._count_fault("a limit interrupted a trial")
        self.tracker.close(RunStatus.FINISHED)
        self._expect_none(check_store(self.mlflow, records))
        self._expect_none(check_confirmation(self.spec, records))

    def _check_finished(self) -> None:
        for record in self.study.all_trials():
            delete_trial_files(self.job_folder, record.trial)
        self._expect_none(check_budget(self.path, self._trials_of_all_rounds()))
        self._expect_none([f"{path} is left over" for path in self._checkpoints()])
        self.tracker.close(RunStatus.FINISHED)
        self._expect_none(check_store(self.mlflow, self.study.all_trials()))
        before = self._results()
        self._restart_driver()
        self._expect_none([] if self._results() == before else ["a restart changed the results"])
        self._advance_stage()
        is_over = self.stage.is_exhausted() and self.bridge.is_exhausted
        self._expect_none([] if is_over or self._is_tried_again() else ["a finished sweep continues"])
        self._expect_none(check_race(self.spec, self.study.all_trials()))
        self._expect_none(check_confirmation(self.spec, self.study.all_trials()))
        self._expect_none(check_test_scores(self.study.all_trials(), self.study.test_accesses(), self.with_predictions))
        fault_counts["schedules"] += 1
        fault_counts["trials"] += self.spec.budget.trials
        fault_counts["trials in a race"] += sum(bool(it.trial.race_of) for it in self.study.all_trials())
        fault_counts["attempts"] += sum(record.trial.attempt for record in self.study.all_trials())
        fault_counts.update(record.end.outcome.value for record in self.study.all_trials() if record.end)

    # ---- the driver

    def _start_driver(self) -> None:
        """Start the driver on the present record; again after each fault while it opens the record."""
        while True:
            try:
                with self._disk_limit():
                    options: dict[str, Any] = {"borrowed": self.borrowed, "clock": lambda: self.wall}
                    self.study = OptunaStudy(self.spec, self.path, 1, **options)
                    break
            except (Killed, StorageError) as error:
                self._count_fault(f"{_describe_fault(error)} while the record was opened")
                self.disk.restore()
                self.free_bytes = None
                Path(f"{self.path}.lock").unlink()  # the system releases the lock of a dead process
        self.tracker = ManualTracker(self.mlflow, self._check_recorded)
        self._enter_stage(
            SearchStage(self.spec, self.study, [self.tracker], class_counts=CLASS_COUNTS, clock=lambda: self.wall)
        )

    def _enter_stage(self, stage: SearchStage | ConfirmationStage | TestStage) -> None:
        self.stage = stage
        self.bridge = TuneBridge(
            stage,
            TrainingJob(scripted_trainer, {}, self.job_folder, STALL_TIMEOUT),
            lambda: self.slots,
            lambda: self.now,
        )

    def _advance_stage(self) -> None:
        """Enter the next stage if this one is over. Orphans of the old stage are forgotten."""
        while not isinstance(self.stage, TestStage) and self._is_stage_over():
            self.orphans = []
            arguments = self.spec, self.study, [self.tracker]
            if isinstance(self.stage, SearchStage):
                self._enter_stage(ConfirmationStage(*arguments, class_counts=CLASS_COUNTS))
            else:
                todo = confirmation.trials_to_score(self.spec, self.study.all_trials())
                self._enter_stage(
                    TestStage(*arguments, todo, opens_test_split=True, save_scores=self._save_predictions)
                )

    def _is_stage_over(self) -> bool:
        """Return True if the stage has nothing to do. What a search records then may fail and end the driver."""
        if self.stage.running or not isinstance(self.stage, SearchStage):
            return not self.stage.running and not self.stage.has_pending
        try:
            with self._disk_limit():
                is_over = not self.stage.has_pending or (self.stage.is_closed and not self.stage.all_failed)
                if is_over:
                    self.stage.close()
        except (Killed, StorageError) as error:
            self._count_fault(f"{_describe_fault(error)} while the search ended")
            self.free_bytes = None
            self._restart_driver()
            return False
        self.search_was_over = self.search_was_over or (is_over and not self._is_tried_again())
        return is_over

    def until(self, stage: type) -> None:
        """Run without faults until the sweep is in this stage, or finished."""
        for _ in range(1000):
            self._advance_stage()
            if isinstance(self.stage, (stage, TestStage)) or self.stage.is_exhausted():
                return
            while self._start_trial():
                pass
            for worker in list(self.workers):
                self._train_to_report(worker)

    def _save_predictions(self, trial: Trial, _: ModelScores) -> None:
        records = {record.trial.number: record for record in self.study.all_trials()}
        self._expect_none(["a score was recorded before its predictions"] if records[trial.number].test else [])
        self.with_predictions.add(trial.number)

    def _restart_driver(self) -> None:
        """End the driver's process at once and start it again. Its workers do not notice."""
        before = self.path.read_bytes()
        self.study.close()
        self.disk.restore()
        self.wall += 1000 * REPORT_SECONDS  # a pause, which no budget counts
        self.orphans = [*self.orphans, *self.workers][-4:]
        self.workers = []
        self._start_driver()
        self._expect_none(find_lost_facts(before, self.path.read_bytes()))

    def _run_driver(self, call: Callable[[], Any]) -> Any:
        """Call something that may write to the record. A fault in it ends the driver, which is then restarted."""
        with self._disk_limit():
            result = call()
        error = self.bridge.error
        if error is None:
            return result
        self._expect_none([] if isinstance(error, Killed | StorageError) else [f"{type(error).__name__}: {error}"])
        self._count_fault(f"{_describe_fault(error)} while something was recorded")
        self.free_bytes = None if isinstance(error, StorageError) else self.free_bytes
        self._restart_driver()
        return None

    def _disk_limit(self) -> Any:
        return nullcontext() if self.free_bytes is None else limited_file_size(self.free_bytes)

    def _check_recorded(self, record: TrialRecord) -> None:
        """Check that whatever a tracker is told is already on the disk."""
        facts, number = committed_facts(self.path.read_bytes()), record.trial.number
        names = [("metrics", number, report.step) for report in record.reports]
        self._expect_none(f"a tracker was told of {name} before the record" for name in names if name not in facts)
        if record.end and facts.get(("outcome", number)) != json.dumps(record.end.outcome.value):
            self._expect_none([f"a tracker was told of the end of trial {number} before the record"])

    # ---- the workers

    def _start_trial(self) -> bool:
        self._advance_stage()
        self.num_workers += 1
        name, num_running = str(self.num_workers), len(self.workers)
        before = self.path.read_bytes()
        trial = self._run_driver(lambda: self.bridge.next_trial(name))
        self._check_proposal(before)
        if trial is None:
            return False
        if isinstance(self.stage, SearchStage):
            self._expect_none([f"trial {trial.number}: the search was over"] if self.search_was_over else [])
        self._expect_none(["more trials than slots"] if num_running >= self.slots else [])
        first = self.configs.setdefault(trial.number, trial.config)
        self._expect_none([f"trial {trial.number}: continues with another config"] if trial.config != first else [])
        train = simulated_scoring if isinstance(self.stage, TestStage) else self.training
        self.workers.append(Worker(name, trial, run_attempt(trial, TrainingJob(train, {}, self.job_folder), data())))
        return True

    def _check_proposal(self, before: bytes) -> None:
        """Check that a driver that starts on the record as it was makes the same proposal, also after a fault in it."""
        if not (self.borrowed or self.spec.tpe.siblings) or not isinstance(self.stage, SearchStage):
            return
        path = self.folder / "before.journal"
        path.write_bytes(before)
        with closing(OptunaStudy(self.spec, path, 1, borrowed=self.borrowed, clock=lambda: self.wall)) as study:
            new = self.study.all_trials()[len(study.all_trials()) :]
            again = [self._propose_again(study) for _ in new]
        lines = [
            f"trial {one.trial.number}: proposed with {one.trial.params}, then with {other.trial.params}"
            for one, other in zip(new, again, strict=True)
            if (one.trial.config, one.trial.race_of, one.borrowed)
            != (other.trial.config, other.trial.race_of, other.borrowed)
        ]
        self._expect_none(lines)
        fault_counts["proposals that learned from other trials"] += sum(bool(record.borrowed) for record in new)

    def _propose_again(self, study: OptunaStudy) -> TrialRecord:
        stage = SearchStage(self.spec, study, [])
        turn = stage.turns.take(stage.recorded)
        assert turn is not None
        return study.get(study.ask(*turn))

    def _make_progress(self, k: int, epochs: int, starts: int) -> None:
        for _ in range(starts):
            self._start_trial()
        for _ in range(epochs):
            if self.workers:
                self._train_to_report(self._pick_worker(k))

    def _pick_worker(self, k: int) -> Worker:
        return self.workers[k % len(self.workers)]

    def _remove_worker(self, worker: Worker) -> None:
        self.workers = [other for other in self.workers if other is not worker]

    def _advance_worker(self, worker: Worker) -> None:
        """Let a worker train up to its next event. An attempt that starts must continue from the last checkpoint."""
        key = worker.trial.number, worker.trial.attempt
        had_started, saved = key in self.training.started, self.training.saved.get(key)
        worker.advance()
        if not had_started and key in self.training.started:
            self._expect_none(self._check_start(*key))
        if self.training.saved.get(key) != saved:
            self.damaged.discard(key[0])
        self.epochs_trained[key[0]] = self.training.trained.get(key, 0)

    def _check_start(self, number: int, attempt: int) -> Iterator[str]:
        """Check that an attempt continues from the last checkpoint: at most one epoch is trained again."""
        started, trained = self.training.started[number, attempt], self.epochs_trained.get(number, 0)
        if started < trained - 1 and number not in self.damaged:
            yield f"trial {number}: attempt {attempt} starts after {started} epochs, {trained} were trained"

    def _deliver_event(self, worker: Worker, deaf: bool = False) -> None:
        """Give a worker's oldest event to the driver. A `deaf` worker that is told to stop becomes an orphan."""
        event = worker.sent.popleft()
        if isinstance(event, ValidationReport):
            self.wall += REPORT_SECONDS
            self.searched_seconds += REPORT_SECONDS if isinstance(self.stage, SearchStage) else 0
        continues = self._run_driver(lambda: self.bridge.handle_event(worker.name, event))
        if worker in self.workers and not continues:
            self._remove_worker(worker)
            if deaf and not isinstance(event, TrialEnd):
                self.orphans.append(worker)

    def _train_to_report(self, worker: Worker) -> None:
        """Let a worker train up to its next report or its end, and deliver all its events."""
        while worker in self.workers:
            if not worker.sent:
                self._advance_worker(worker)
            event = worker.sent[0]
            self._deliver_event(worker)
            if isinstance(event, ValidationReport):
                return

    def _lose_worker(self, worker: Worker, reason: str) -> None:
        """Tell the driver that a worker was lost, and note whether its trial may be given up."""
        number = worker.trial.number
        if worker.name in self.bridge.started:
            losses, max_losses = self.stage.losses, self.spec.retries
        else:
            losses, max_losses = self.stage.infrastructure_losses, MAX_NODE_LOSSES
        if losses[number] >= max_losses and not isinstance(self.stage, TestStage):
            self.given_up.add(number)
        self._remove_worker(worker)
        self._run_driver(lambda: self.bridge.worker_lost(worker.name, TrialEnd(Outcome.FAILED, reason)))

    # ---- helpers

    def _checkpoints(self) -> list[Path]:
        return sorted(self.job_folder.glob("trials/*/checkpoint-*.pt"))

    def _trials_of_all_rounds(self) -> int:
        """Return the trials of a finished search. A budget without a success is tried again by the next command."""
        searched = [record for record in self.study.all_trials() if not record.trial.source_trial]
        size = end = self.spec.budget.trials
        while end < len(searched) and all(map(is_unsuccessful, searched[end - size : end])):
            end += size
        return end

    def _is_tried_again(self) -> bool:
        """Return True if no trial of the search succeeded, or no fresh seed of the settings that are the best now."""
        records, systems = self.study.all_trials(), range(len(self.spec.systems))
        best = [it for system in systems for it in confirmation.candidates(self.spec, records, system)]
        seeds = [seed for candidate in best for seed in candidate.seeds]
        searched = [record for record in records if not record.trial.source_trial]
        return all(map(is_unsuccessful, searched)) or (bool(seeds) and not any(map(confirmation.has_model, seeds)))

    def _results(self) -> str:
        folder = SweepFolder(self.job_folder, SweepManifest({}, {}, 1))
        return repr(build_results(self.spec, folder, self.study.all_trials()))

    def _count_fault(self, fault: str) -> None:
        fault_counts[fault] += 1
        if hasattr(self, "stage"):
            fault_counts[f"a fault in {type(self.stage).__name__}"] += 1

    def _expect_none(self, violations: Iterable[str]) -> None:
        lines = list(violations)
        self.is_sound = self.is_sound and not lines
        assert not lines, "\n".join(lines)


def _describe_fault(error: BaseException) -> str:
    return "the driver was killed" if isinstance(error, Killed) else "the disk was full"
