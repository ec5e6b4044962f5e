"""Reads a sweep as it is now, running or not, for people and programs to look at. Nothing is locked or written."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

from sweeper.app.open_study import read_study
from sweeper.app.sweep_list import summarize_results
from sweeper.errors import UsageError
from sweeper.protocol.results import results_of_study
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.sweep_summary import SweepSummary
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.record_lock import is_locked
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.trial_files import traceback_path, trial_folder
from sweeper.trials.trial import TrialRecord


@dataclass(frozen=True)
class SweepSnapshot:
    """A sweep at one moment: its spec, the records of its trials, and the results and the state that follow."""

    folder: SweepFolder
    spec: SweepSpec
    records: Sequence[TrialRecord]
    results: SweepResults
    summary: SweepSummary

    def record(self, number: int) -> TrialRecord:
        """Return the record of a trial. Raises UsageError if there is none."""
        for record in self.records:
            if record.trial.number == number:
                return record
        if not isinstance(number, Integral):
            raise UsageError(f"{self.folder.path}: the number of a trial must be a whole number, got {number!r}")
        allowed = f"allowed: 1 to {len(self.records)}" if self.records else "none has begun"
        raise UsageError(f"{self.folder.path}: has no trial {number}, {allowed}")

    def traceback_file(self, record: TrialRecord) -> Path | None:
        """Return the file with the traceback of a failed trial; None if there is none."""
        path = traceback_path(trial_folder(self.folder.path, record.trial))
        return path if path.exists() else None


def take_snapshot(folder: SweepFolder) -> SweepSnapshot:
    """Return a sweep as it is now. Raises UsageError or RecordError if its files cannot be read."""
    spec, driven = folder.read_spec(), is_locked(folder.journal)
    study = read_study(folder, spec)
    results = results_of_study(spec, folder, study)
    return SweepSnapshot(
        folder, spec, study.all_trials(), results, summarize_results(folder, spec, results, driven=driven)
    )
