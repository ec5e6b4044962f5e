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
    missing = describe_missing(stored, study.all_trials(), study.test_accesses())
    if missing:
        raise UsageError(
            f"{folder.journal}: lacks {missing}, which {RESULTS} has: it is an older or shortened record; restore a "
            f"newer copy, or move {folder.path / RESULTS} away to continue from this one"
        )


def describe_missing(stored: SweepResults, records: Sequence[TrialRecord], accesses: Collection[TestAccess]) -> str:
    """Return the first thing that results have and a record lacks, in words; "" if it lacks nothing.

    Trials come first, then their ends, their test scores and the test accesses.
    """
    by_number = {record.trial.number: record for record in records}
    for trial in stored.trial_results:
        if trial.number not in by_number:
            return f"trial {trial.number}"
    for trial in stored.trial_results:
        if trial.outcome is not None and by_number[trial.number].end is None:
            return f"the end of trial {trial.number}"
    for trial in stored.trial_results:
        if trial.test is not None and by_number[trial.number].test is None:
            return f"the test score of trial {trial.number}"
    num_missing = len(set(stored.test_accesses) - set(accesses))
    return f"{num_missing} of {len(stored.test_accesses)} test accesses" if num_missing else ""
