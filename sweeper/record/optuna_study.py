"""The record of a sweep, held by Optuna: proposals, reports, ends, confirmations and test accesses.

Every report is in the record before anybody acts on it, and so is the verdict on it. The answers of the sampler and of
the pruner are functions of the record, of what the sweep borrowed when it began, and of seeds that derive from its own.
So an interrupted sweep continues as if it had never been interrupted, and nothing else has to be saved.
"""

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeper.record.journal import Journal
from sweeper.record.journal_snapshot import JournalSnapshot
from sweeper.record.proposals import Proposals
from sweeper.record.rung_pruner import describe_stop
from sweeper.record.search_sessions import record_session, record_session_end, stored_sessions
from sweeper.record.storage import RecordStorage
from sweeper.record.studies import SystemStudies
from sweeper.record.trial_attributes import (
    PROMOTED_AFTER,
    REPORT,
    TEST_ACCESS,
    TEST_SCORE,
    increasing_timestamps,
    stored_reports,
    stored_test_accesses,
)
from sweeper.record.trial_records import TrialRecords
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from sweeper.training.types import ValidationReport
from sweeper.trials.borrowed import BorrowedTrials
from sweeper.trials.outcome import Outcome
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TestAccess, TestScore, Trial, TrialEnd, TrialRecord


class OptunaStudy:
    """The record of one sweep, and the proposals that follow from it. Implements trials.interfaces.Study.

    Every change is durable before its method returns.
    """

    def __init__(
        self,
        spec: SweepSpec,
        path: Path,
        threads: int,
        *,
        borrowed: Sequence[BorrowedTrials] = (),
        read_only: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open or create the record at `path`. Trials train with `threads` CPU threads. `clock` is in seconds.

        The sampler also learns from `borrowed`, trials of earlier sweeps; give the same at every start.
        `read_only` reads the record as it is now, also while another process writes, and leaves the disk alone.
        Raises SweepLockedError, RecordError or StorageError.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self.spec, self.threads = spec, threads
        self.journal = JournalSnapshot(path) if read_only else Journal(path)
        try:
            self._open(borrowed, clock)
            if not read_only:
                for system in range(len(spec.systems)):
                    self._restore(system)
        except BaseException:
            self.close()
            raise

    def _open(self, borrowed: Sequence[BorrowedTrials], clock: Callable[[], float]) -> None:
        """Open or create the studies."""
        self.storage = RecordStorage(self.journal, self.spec.pausing_rungs)
        self.studies = SystemStudies(self.spec, self.storage, borrowed)
        self.records = TrialRecords(self.spec, self.storage, self.studies, self.threads)
        self._running: dict[int, optuna.trial.Trial] = {}  # by number; trials that end in this command stay in it
        self.proposals = Proposals(self.spec, self.storage, self.studies, self.records, self._running)
        accesses = (access.at for access in self.test_accesses())
        sessions = (session.ended or session.at for session in self.sessions())
        self._now = increasing_timestamps(max(self.records.latest_time, *accesses, *sessions, 0), clock)

    def _restore(self, system: int) -> None:
        """Restore the interrupted trials of a system.

        A trial whose end is in the record has ended. A proposal that was interrupted halfway is completed. An
        interrupted proposal to confirm a setting is dropped, because the confirmation requests it again.
        """
        for study in self.studies.of_system(system):
            for stored in self.storage.running_trials(study):
                self._restore_trial(system, study, stored)

    def _restore_trial(self, system: int, study: optuna.Study, stored: FrozenTrial) -> None:
        trial = self.storage.running_trial(study, stored.number)
        if "outcome" in stored.user_attrs:
            self._tell(study, trial, stored.user_attrs["number"])
            self.records.update(stored.user_attrs["number"], study, trial)
        elif "number" in stored.user_attrs:
            self._running[stored.user_attrs["number"]] = trial
            for report, _ in stored_reports(stored):
                self._report_value(trial, stored, report)
        elif study is self.studies.searches[system]:
            self.proposals.settle(system, trial)
        else:
            self.proposals.skip(study, trial, "was cut off before it began")

    @property
    def truncated_bytes(self) -> int:
        """The number of bytes of a half-written entry that were dropped on opening."""
        return self.journal.truncated_bytes

    def close(self) -> None:
        """Close the record and release its lock."""
        self.journal.close()

    def ask(self, system: int, repeated: Trial | None = None) -> Trial:
        """Record the next trial of a system: a proposal, or in a race another seed of the setting of `repeated`."""
        return self.proposals.propose(system) if repeated is None else self.proposals.repeat(repeated)

    def confirm(self, source: Trial, seed_index: int) -> Trial:
        """Record a new trial that trains the setting of `source` with the system's fresh seed `seed_index`, from 1."""
        return self.proposals.confirm(source, seed_index)

    def clone(self, source: Trial, params: Mapping[str, Scalar]) -> Trial:
        """Record a new trial of the search, which a user made of `source`, with the complete setting `params`."""
        return self.proposals.clone(source, params)

    def restart(self, trial: Trial) -> Trial:
        """Record one more attempt at a trial and return the trial with that attempt. A clone starts with its first."""
        return self.proposals.restart(trial, self._now())

    def promote(self, trial: Trial) -> TrialRecord:
        """Record that a trial which waits at a rung may continue, and return its record."""
        running, study = self._running[trial.number], self.studies.of_trial(trial)
        running.set_user_attr(PROMOTED_AFTER, self.records.get(trial.number).reports[-1].step)
        return self.records.update(trial.number, study, running)

    def report(self, trial: Trial, report: ValidationReport) -> TrialRecord:
        """Record a report, and then the trial's end if early stopping ends it here. Return the trial's record.

        The metrics come before the value that the pruner reads. The first report of a step counts.
        """
        running, study = self._running[trial.number], self.studies.of_trial(trial)
        stored = self.storage.stored_trial(study, running.number)
        key = f"{REPORT}{report.step}"
        if key not in stored.user_attrs:
            attributes = {"time": self._now(), "epoch": report.epoch, "attempt": trial.attempt}
            running.set_user_attr(key, {**attributes, "metrics": dict(report.metrics)})
        record = self.records.update(trial.number, study, running)
        value = self._report_value(running, stored, report)
        trial_end = None if value is None else self._verdict(trial, report.step, value)
        return record if trial_end is None else self.end_trial(trial, trial_end)

    def _report_value(self, running: optuna.trial.Trial, stored: FrozenTrial, report: ValidationReport) -> float | None:
        """Record the value of a report for the pruner, if it is not there yet. Return it.

        None means that the report has no value: it comes from a phase without a classifier. Neither the pruner nor the
        sampler learns of it.
        """
        value = report.metrics.get(self.spec.objective.metric)
        if value is not None and report.step not in stored.intermediate_values:
            running.report(value if math.isfinite(value) else math.nan, report.step)
        return value

    def _verdict(self, trial: Trial, step: int, value: float) -> TrialEnd | None:
        """Return the end that early stopping decides on after the report of `step`, or None.

        The pruner is asked at every report, because a rung also counts the trials that end at it. Its answer does not
        matter in a race, at a trial's last report, nor at one that is sent again after later ones.
        """
        running, study = self._running[trial.number], self.studies.of_trial(trial)
        stored = self.storage.stored_trial(study, running.number)
        values = stored.intermediate_values
        is_safe = math.isfinite(value) and (trial.race_of > 0 or step == trial.config.num_validations)
        is_below = running.should_prune()
        if is_safe or step < max(values, default=0) or not is_below:
            return None
        if not math.isfinite(value):
            return TrialEnd(Outcome.DIVERGED, f"{self.spec.objective.metric} is {value}")
        needed = self.studies.needed_value(trial, stored)
        epoch = step / trial.config.validations_per_epoch
        return TrialEnd(Outcome.STOPPED_EARLY, describe_stop(epoch, value, needed, self.spec.objective.sign))

    def end_trial(self, trial: Trial, trial_end: TrialEnd) -> TrialRecord:
        """Record how a trial ended, and return its record. Only the first end counts.

        The outcome is recorded as an attribute first, then the state that the sampler learns from.
        """
        running, study = self._running[trial.number], self.studies.of_trial(trial)
        attributes = self.storage.stored_trial(study, running.number).user_attrs
        if "outcome" not in attributes:
            running.set_user_attr("reason", trial_end.reason)
            if trial_end.traceback or "traceback" in attributes:  # of an attempt that was interrupted while it failed
                running.set_user_attr("traceback", trial_end.traceback)
            running.set_user_attr("outcome", trial_end.outcome.value)
        self._tell(study, running, trial.number)
        return self.records.update(trial.number, study, running)

    def _tell(self, study: optuna.Study, trial: optuna.trial.Trial, number: int) -> None:
        """Tell the sampler how trial `number` ended.

        A trial that did not complete is reported as pruned, the worst rank: TPE ignores failed trials, and would
        propose their settings again.
        """
        stored = self.storage.stored_trial(study, trial.number)
        values = [value for _, value in sorted(stored.intermediate_values.items())]
        if stored.user_attrs["outcome"] == Outcome.COMPLETED and values:
            value = self.spec.objective.value_of(values, keeps_last=self.records.get(number).trial.config.keeps_last)
            study.tell(trial, value, skip_if_finished=True)
        else:
            study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)

    def begin_session(self, elapsed: float, gpu: float) -> None:
        """Record that this command, which began `elapsed` seconds ago, begins to search with `gpu` GPUs for a trial."""
        at = self._now()
        record_session(self.studies.searches[0], SearchSession(began=at - round(1000 * elapsed), at=at, gpu=gpu))

    def end_session(self) -> None:
        """Record that this command has stopped searching."""
        record_session_end(self.studies.searches[0], self._now())

    def sessions(self) -> Sequence[SearchSession]:
        """Return the commands that searched, oldest first."""
        return stored_sessions(self.studies.searches[0])

    def record_test_access(self, trial: Trial) -> None:
        """Record that the test split is about to be scored with a trial's model."""
        at = self._now()
        access = {"at": at, "trial": trial.number, "seed": trial.config.seed}
        self.studies.of_trial(trial).set_user_attr(f"{TEST_ACCESS}{at}", access)

    def record_test_score(self, trial: Trial, report: ValidationReport) -> None:
        """Record the test score of an ended trial's model. Only the first score counts."""
        record = self.records.get(trial.number)
        if record.test is None:
            score = TestScore(self._now(), report.step, dict(report.metrics))
            self.studies.of_trial(trial).set_user_attr(f"{TEST_SCORE}{trial.number}", dict(vars(score)))
            self.records.replace(replace(record, test=score))

    def test_accesses(self) -> Sequence[TestAccess]:
        """Return every test access, oldest first."""
        return stored_test_accesses(self.storage)

    def get(self, trial: Trial) -> TrialRecord:
        """Return the recorded state of a trial."""
        return self.records.get(trial.number)

    def all_trials(self) -> Sequence[TrialRecord]:
        """Return the records of all trials, ordered by number. Skipped proposals are not trials."""
        return self.records.all_records()
