"""The workers of a simulated sweep: they start trials, train, and send events, which may arrive late or never."""

from collections.abc import Iterator
from contextlib import closing

from sweeper.execution.attempt import run_attempt
from sweeper.protocol.search_stage import SearchStage
from sweeper.protocol.stage import MAX_NODE_LOSSES
from sweeper.protocol.stages import TestStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.training.types import ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd, TrialRecord
from tests.support.fakes import data
from tests.support.simulation.driver import SweepDriver
from tests.support.simulation.state import Worker, fault_counts
from tests.support.simulation.world import REPORT_SECONDS, simulated_scoring


class SweepWorkers(SweepDriver):
    """A sweep whose workers train one event at a time, and can be lost."""

    def start_trial(self) -> bool:
        self.advance_stage()
        self.num_workers += 1
        name, num_running = str(self.num_workers), len(self.workers)
        before, is_search = self.path.read_bytes(), isinstance(self.stage, SearchStage)
        trial = self.run_driver(lambda: self.bridge.next_trial(name))  # after a fault, the stage is the search again
        if is_search:
            self._check_proposal(before)
        if trial is None:
            return False
        if isinstance(self.stage, SearchStage):
            self.expect_none([f"trial {trial.number}: the search was over"] if self.search_was_over else [])
        self.expect_none(["more trials than slots"] if num_running >= self.slots else [])
        first = self.configs.setdefault(trial.number, trial.config)
        self.expect_none([f"trial {trial.number}: continues with another config"] if trial.config != first else [])
        train = simulated_scoring if isinstance(self.stage, TestStage) else self.training
        self.workers.append(Worker(name, trial, run_attempt(trial, TrainingJob(train, {}, self.job_folder), data())))
        return True

    def _check_proposal(self, before: bytes) -> None:
        """Check that a driver that starts on the record as it was makes the same proposal, also after a fault in it."""
        if not (self.borrowed or self.spec.tpe.siblings):
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
        self.expect_none(lines)
        fault_counts["proposals that learned from other trials"] += sum(bool(record.borrowed) for record in new)

    def _propose_again(self, study: OptunaStudy) -> TrialRecord:
        stage = SearchStage(self.spec, study, [])
        turn = stage.turns.take(stage.recorded)
        assert turn is not None
        return study.get(study.ask(*turn))

    def make_progress(self, k: int, epochs: int, starts: int) -> None:
        for _ in range(starts):
            self.start_trial()
        for _ in range(epochs):
            if self.workers:
                self.train_to_report(self.pick_worker(k))

    def pick_worker(self, k: int) -> Worker:
        return self.workers[k % len(self.workers)]

    def remove_worker(self, worker: Worker) -> None:
        self.workers = [other for other in self.workers if other is not worker]

    def advance_worker(self, worker: Worker) -> None:
        """Let a worker train up to its next event. An attempt that starts must continue from the last checkpoint."""
        key = worker.trial.number, worker.trial.attempt
        had_started, saved = key in self.training.started, self.training.saved.get(key)
        worker.advance()
        if not had_started and key in self.training.started:
            self.expect_none(self._check_start(*key))
        if self.training.saved.get(key) != saved:
            self.damaged.discard(key[0])
        self.epochs_trained[key[0]] = self.training.trained.get(key, 0)

    def _check_start(self, number: int, attempt: int) -> Iterator[str]:
        """Check that an attempt continues from the last checkpoint: at most one epoch is trained again."""
        started, trained = self.training.started[number, attempt], self.epochs_trained.get(number, 0)
        if started < trained - 1 and number not in self.damaged:
            yield f"trial {number}: attempt {attempt} starts after {started} epochs, {trained} were trained"

    def deliver_event(self, worker: Worker, deaf: bool = False) -> None:
        """Give a worker's oldest event to the driver. A `deaf` worker that is told to stop becomes an orphan."""
        event = worker.sent.popleft()
        if isinstance(event, ValidationReport):
            self.wall += REPORT_SECONDS
            self.searched_seconds += REPORT_SECONDS if isinstance(self.stage, SearchStage) else 0
        continues = self.run_driver(lambda: self.bridge.handle_event(worker.name, event))
        if worker in self.workers and not continues:
            self.remove_worker(worker)
            if deaf and not isinstance(event, TrialEnd):
                self.orphans.append(worker)

    def train_to_report(self, worker: Worker) -> None:
        """Let a worker train up to its next report or its end, and deliver all its events."""
        while worker in self.workers:
            if not worker.sent:
                self.advance_worker(worker)
            event = worker.sent[0]
            self.deliver_event(worker)
            if isinstance(event, ValidationReport):
                return

    def train_all(self, *, newest_first: bool = False) -> None:
        """Fill every slot, and let every worker train to its next report or its end."""
        while self.start_trial():
            pass
        for worker in self.workers[:: -1 if newest_first else 1]:
            self.train_to_report(worker)

    def lose_worker(self, worker: Worker, reason: str) -> None:
        """Tell the driver that a worker was lost, and note whether its trial may be given up."""
        number = worker.trial.number
        if worker.name in self.bridge.started:
            losses, max_losses = self.stage.losses, self.spec.retries
        else:
            losses, max_losses = self.stage.infrastructure_losses, MAX_NODE_LOSSES
        if losses[number] >= max_losses and not isinstance(self.stage, TestStage):
            self.given_up.add(number)
        self.remove_worker(worker)
        self.run_driver(lambda: self.bridge.worker_lost(worker.name, TrialEnd(Outcome.FAILED, reason)))
