"""Finds results of a sweep that its record does not have: the record is an older copy, or was shortened."""

from collections.abc import Collection, Sequence

from sweeper.errors import UsageError
from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage.sweep_folder import RESULTS, SweepFolder
from sweeper.trials.interfaces import Study
from sweeper.trials.trial import TestAccess, TrialRecord


def require_covered(folder: SweepFolder, stored: SweepResults | None, study: Study) -> None:
    """Raise UsageError if the stored results have trials, ends, test scores or test accesses that the record lacks.

    The record is written before the results. Read `stored` before the record, which another process may extend.
    """
    if stored is None:
        return
    lacking = find_lacking(stored, study.all_trials(), study.test_accesses())
    if lacking:
        raise UsageError(
            f"{folder.journal}: lacks {lacking}, which {RESULTS} has: it is an older or shortened record; restore a "
            f"newer copy, or move {folder.path / RESULTS} away to continue from this one"
        )


def find_lacking(stored: SweepResults, records: Sequence[TrialRecord], accesses: Collection[TestAccess]) -> str:
    """Return the first thing that results have and a record lacks, in words; "" if it lacks nothing.

    Trials come first, then their ends, their test scores and the test accesses.
    """
    by_number, trials = {record.trial.number: record for record in records}, stored.trial_results
    ended = {number for number, record in by_number.items() if record.end is not None}
    scored = {number for number, record in by_number.items() if record.test is not None}
    lacking = {
        "trial": [trial.number for trial in trials if trial.number not in by_number],
        "the end of trial": [
            trial.number for trial in trials if trial.outcome is not None and trial.number not in ended
        ],
        "the test score of trial": [
            trial.number for trial in trials if trial.test is not None and trial.number not in scored
        ],
    }
    for name, numbers in lacking.items():
        if numbers:
            return f"{name} {numbers[0]}"
    lost = len(set(stored.test_accesses) - set(accesses))
    return f"{lost} of {len(stored.test_accesses)} test accesses" if lost else ""
