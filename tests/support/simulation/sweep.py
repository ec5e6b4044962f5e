"""One simulated sweep, and the checks of its record while it runs and of what it leaves at its end.

A test decides what happens to it.
"""

from typing import Any

from sweeper.protocol.failed_sweep import is_unsuccessful
from sweeper.protocol.results import build_results
from sweeper.protocol.stages import TestStage
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.sweep_manifest import SweepManifest
from sweeper.storage.trial_files import delete_trial_files, trial_folder
from sweeper.trials.run_status import RunStatus
from tests.support.protocol_oracle import (
    check_budget,
    check_confirmation,
    check_promotions,
    check_proposals,
    check_race,
    check_test_scores,
    check_trials,
)
from tests.support.record_invariants import check_record, find_lost_facts
from tests.support.search_end_oracle import check_search_end
from tests.support.search_spaces import small_spec
from tests.support.simulation.limits import has_limits, without_limits
from tests.support.simulation.mlflow import check_store
from tests.support.simulation.state import fault_counts
from tests.support.simulation.workers import SweepWorkers


def simulated_spec(sampler: str = "random", trials: int = 6, **changes: Any) -> SweepSpec:
    """Return the spec of a simulated sweep, with these keys replaced."""
    search = {"batch_size": [4, 8], "epochs": [2, 3, 5]}  # few settings, so that some are repeated
    return small_spec(
        **{"search": search, "training": {}, "sampler": sampler, "budget": {"trials": trials}, "retries": 1, **changes}
    )


class CheckedSweep(SweepWorkers):
    """A sweep that can be audited at any moment, and run to its end without further faults.

    `has_grown` is True once its budget was increased: trials may have been stopped that the larger one would promote.
    """

    has_grown = False

    def until(self, stage: type) -> None:
        """Run without faults until the sweep is in this stage, or finished."""
        for _ in range(1000):
            self.advance_stage()
            if isinstance(self.stage, (stage, TestStage)) or self.stage.is_exhausted():
                return
            self.train_all()

    def audit(self) -> None:
        """Check that the record is right and has lost nothing since the last audit."""
        journal = self.path.read_bytes() if self.path.exists() else b""
        if journal == self.committed or not self.is_sound:
            return
        self.expect_none(find_lost_facts(self.committed, journal))
        self.expect_none([line for line in check_record(self.job_folder) if "repeats the setting" not in line])
        self.expect_none(check_proposals(self.path))
        self.expect_none(check_trials(self.spec, self.study.all_trials(), self.given_up))
        self.committed = journal

    def finish_undisturbed(self) -> None:
        """Run the sweep to its end without further faults, and check the result."""
        self.disk.writes = self.free_bytes = None
        self.mlflow.state = "up"
        self._run_to_end()
        if has_limits(self.spec):
            self._check_limited()
            self.spec, self.search_was_over = without_limits(self.spec), False
            self.restart_driver()
            self._run_to_end()
        self._check_finished()

    def _run_to_end(self) -> None:
        for _ in range(1000):
            self.advance_stage()
            unscored = isinstance(self.stage, TestStage) and self.stage.failed
            if not self.stage.has_pending and not self.stage.running and not unscored:
                break
            if self.stage.is_exhausted():
                self.restart_driver()  # the first trials all failed, or a model was not scored
            self.train_all()
        self.audit()

    def _check_limited(self) -> None:
        """Check a sweep whose search may have ended by a limit, with interrupted trials that can be continued."""
        records = self.study.all_trials()
        self.expect_none(check_search_end(self.spec, records, self.slots, self.searched_seconds))
        for record in records:
            number = record.trial.number
            if record.end is None and record.reports and number not in self.damaged:
                folder = trial_folder(self.job_folder, record.trial)
                self.expect_none([] if list(folder.glob("checkpoint-*")) else [f"trial {number}: cannot be continued"])
            if record.end is None:
                self.count_fault("a limit interrupted a trial")
        self.tracker.close(RunStatus.FINISHED)
        self.expect_none(check_store(self.mlflow, records))
        self.expect_none(check_confirmation(self.spec, records))

    def _check_finished(self) -> None:
        for record in self.study.all_trials():
            delete_trial_files(self.job_folder, record.trial)
        self.expect_none(check_budget(self.path, self._trials_of_all_rounds()))
        self.expect_none([f"{path} is left over" for path in self.checkpoints()])
        self.tracker.close(RunStatus.FINISHED)
        self.expect_none(check_store(self.mlflow, self.study.all_trials()))
        before = self._results()
        self.restart_driver()
        self.expect_none([] if self._results() == before else ["a restart changed the results"])
        self.advance_stage()
        is_over = self.stage.is_exhausted() and self.bridge.is_exhausted
        self.expect_none([] if is_over or self.is_tried_again() else ["a finished sweep continues"])
        self.expect_none(check_race(self.spec, self.study.all_trials()))
        if not self.has_grown:
            self.expect_none(check_promotions(self.spec, self.study.all_trials()))
        self.expect_none(check_confirmation(self.spec, self.study.all_trials()))
        self.expect_none(check_test_scores(self.study.all_trials(), self.study.test_accesses(), self.with_predictions))
        fault_counts["schedules"] += 1
        fault_counts["trials"] += self.spec.budget.trials
        fault_counts["trials in a race"] += sum(bool(it.trial.race_of) for it in self.study.all_trials())
        fault_counts["trials were promoted"] += sum(it.promoted_after > 0 for it in self.study.all_trials())
        fault_counts["attempts"] += sum(record.trial.attempt for record in self.study.all_trials())
        fault_counts.update(record.end.outcome.value for record in self.study.all_trials() if record.end)

    def _trials_of_all_rounds(self) -> int:
        """Return the trials of a finished search. A budget without a success is tried again by the next command."""
        searched = [record for record in self.study.all_trials() if record.trial.is_of_search]
        size = end = self.spec.budget.trials
        while end < len(searched) and all(map(is_unsuccessful, searched[end - size : end])):
            end += size
        return end

    def _results(self) -> str:
        folder = SweepFolder(self.job_folder, SweepManifest({}, {}, 1))
        return repr(build_results(self.spec, folder, self.study.all_trials()))
