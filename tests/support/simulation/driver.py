"""The driver of a simulated sweep: it opens the record, goes through the stages, and dies of each fault in the record.

A killed driver leaves everything as it is at that moment: a record that may end in half a line, the checkpoints, and
the workers, which keep training.
"""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from sweeper.errors import StorageError
from sweeper.execution.tune_bridge import TuneBridge
from sweeper.protocol import confirmation
from sweeper.protocol.failed_sweep import is_unsuccessful
from sweeper.protocol.search_stage import SearchStage
from sweeper.protocol.stages import ConfirmationStage, TestStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.training.types import ModelScores
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.trial import Trial, TrialRecord
from tests.support.crash_helpers import limited_file_size
from tests.support.fakes import scripted_trainer
from tests.support.record_invariants import committed_facts, find_lost_facts
from tests.support.simulation.mlflow import ManualTracker
from tests.support.simulation.state import SweepState
from tests.support.simulation.world import CLASS_COUNTS, REPORT_SECONDS, Killed

STALL_TIMEOUT = 10.0  # seconds


class SweepDriver(SweepState):
    """A sweep whose driver can be killed and started again."""

    def start_driver(self) -> None:
        """Start the driver on the present record; again after each fault while it opens the record."""
        while True:
            try:
                with self._disk_limit():
                    options: dict[str, Any] = {"borrowed": self.borrowed, "clock": lambda: self.wall}
                    self.study = OptunaStudy(self.spec, self.path, 1, **options)
                    break
            except (Killed, StorageError) as error:
                self.count_fault(f"{_describe_fault(error)} while the record was opened")
                self.disk.restore()
                self.free_bytes = None
                Path(f"{self.path}.lock").unlink()  # the system releases the lock of a dead process
        self.tracker = ManualTracker(self.mlflow, self._check_recorded)
        self.stage: SearchStage | ConfirmationStage | TestStage = SearchStage(
            self.spec, self.study, [self.tracker], class_counts=CLASS_COUNTS, clock=lambda: self.wall
        )
        self.bridge = TuneBridge(self.stage, self._job(), lambda: self.slots, lambda: self.now)

    def restart_driver(self) -> None:
        """End the driver's process at once and start it again. Its workers do not notice."""
        before = self.path.read_bytes()
        self.study.close()
        self.disk.restore()
        self.wall += 1000 * REPORT_SECONDS  # a pause, which no budget counts
        self.orphans = [*self.orphans, *self.workers][-4:]
        self.workers = []
        self.start_driver()
        self.expect_none(find_lost_facts(before, self.path.read_bytes()))

    def run_driver(self, call: Callable[[], Any]) -> Any:
        """Call something that may write to the record. A fault in it ends the driver, which is then restarted."""
        with self._disk_limit():
            result = call()
        error = self.bridge.error
        if error is None:
            return result
        self.expect_none([] if isinstance(error, Killed | StorageError) else [f"{type(error).__name__}: {error}"])
        self.count_fault(f"{_describe_fault(error)} while something was recorded")
        self.free_bytes = None if isinstance(error, StorageError) else self.free_bytes
        self.restart_driver()
        return None

    def _disk_limit(self) -> Any:
        return nullcontext() if self.free_bytes is None else limited_file_size(self.free_bytes)

    def _check_recorded(self, record: TrialRecord) -> None:
        """Check that whatever a tracker is told is already on the disk."""
        facts, number = committed_facts(self.path.read_bytes()), record.trial.number
        names = [("metrics", number, report.step) for report in record.reports]
        self.expect_none(f"a tracker was told of {name} before the record" for name in names if name not in facts)
        if record.end and facts.get(("outcome", number)) != json.dumps(record.end.outcome.value):
            self.expect_none([f"a tracker was told of the end of trial {number} before the record"])

    def _job(self) -> TrainingJob:
        return TrainingJob(scripted_trainer, {}, self.job_folder, STALL_TIMEOUT)

    def _enter_stage(self, stage: ConfirmationStage | TestStage) -> None:
        self.stage = stage
        self.bridge.run_more(stage, self._job())

    def advance_stage(self) -> None:
        """Enter the next stage if this one is over. Its orphans keep training."""
        while not isinstance(self.stage, TestStage) and self._is_stage_over():
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
                is_over = not self.stage.has_pending or (self.stage.check_closed() and not self.stage.all_failed)
                if is_over:
                    self.stage.close()
        except (Killed, StorageError) as error:
            self.count_fault(f"{_describe_fault(error)} while the search ended")
            self.free_bytes = None
            self.restart_driver()
            return False
        self.search_was_over = self.search_was_over or (is_over and not self.is_tried_again())
        return is_over

    def is_tried_again(self) -> bool:
        """Return True if no trial of the search succeeded, or no fresh seed of the settings that are the best now."""
        records, systems = self.study.all_trials(), range(len(self.spec.systems))
        best = [it for system in systems for it in confirmation.candidates(self.spec, records, system)]
        seeds = [seed for candidate in best for seed in candidate.seeds]
        searched = [record for record in records if record.trial.is_of_search]
        return all(map(is_unsuccessful, searched)) or (bool(seeds) and not any(map(confirmation.has_model, seeds)))

    def _save_predictions(self, trial: Trial, _: ModelScores) -> None:
        records = {record.trial.number: record for record in self.study.all_trials()}
        self.expect_none(["a score was recorded before its predictions"] if records[trial.number].test else [])
        self.with_predictions.add(trial.number)


def _describe_fault(error: BaseException) -> str:
    return "the driver was killed" if isinstance(error, Killed) else "the disk was full"
