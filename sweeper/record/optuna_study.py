"""The record of a sweep, held by Optuna: proposals, reports, ends, confirmations and test accesses.

Every report is in the record before anybody acts on it, and so is the verdict on it. The answers of the sampler and of
the pruner are functions of the record, of what the sweep borrowed when it began, and of seeds that derive from its own.
So an interrupted sweep continues as if it had never been interrupted, and nothing else has to be saved.
"""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from sweeper.record.journal import Journal
from sweeper.record.journal_snapshot import JournalSnapshot
from sweeper.record.proposals import Proposals
from sweeper.record.running_trials import RunningTrials
from sweeper.record.search_sessions import record_session, record_session_end, stored_sessions
from sweeper.record.storage import RecordStorage
from sweeper.record.studies import SystemStudies
from sweeper.record.trial_attributes import TEST_ACCESS, TEST_SCORE, increasing_timestamps, stored_test_accesses
from sweeper.record.trial_records import TrialRecords
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from sweeper.training.types import ValidationReport
from sweeper.trials.borrowed import BorrowedTrials
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
        self.running = RunningTrials(self.spec, self.storage, self.studies, self.records)
        self.proposals = Proposals(self.spec, self.storage, self.studies, self.records, self.running.by_number)
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
        if "number" in stored.user_attrs:
            self.running.restore(study, trial, stored)
        elif study is self.studies.searches[system]:
            self.proposals.settle(system, trial)
        else:
            self.proposals.skip(study, trial, "was cut off before it began")

    @property
    def truncated_bytes(self) -> int:
        """The number of bytes of a half-written entry that opening the record left out, and cut off if it may write."""
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
        return self.running.promote(trial)

    def report(self, trial: Trial, report: ValidationReport) -> TrialRecord:
        """Record a report, and then the trial's end if early stopping ends it here. Return the trial's record.

        The first report of a step counts.
        """
        return self.running.report(trial, report, self._now())

    def end_trial(self, trial: Trial, trial_end: TrialEnd) -> TrialRecord:
        """Record how a trial ended, and return its record. Only the first end counts."""
        return self.running.end(trial, trial_end)

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
