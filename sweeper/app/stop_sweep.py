"""Asks the driver of a sweep to stop it, or one of its trials, and waits for the answer. Nothing else is written."""

from sweeper.app.ask_driver import ask_driver
from sweeper.app.show_sweep import take_snapshot
from sweeper.app.sweep_list import summarize
from sweeper.errors import SweeperError, UsageError
from sweeper.protocol.sweep_summary import SweepSummary
from sweeper.storage.record_lock import is_locked
from sweeper.storage.requests import StopRequest
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.trials.trial import TrialEnd, TrialRecord


def stop_sweep(folder: SweepFolder) -> SweepSummary:
    """Stop a sweep as by one Ctrl-C, and return its state once its driver has closed. The same command continues it.

    A sweep that nobody drives is left as it is. The driver's other sweeps do not run either. A driver that took over
    while the one before was asked is asked too.
    """
    while is_locked(folder.journal):
        ask_driver(folder, StopRequest())
    return summarize(folder)


def stop_trial(folder: SweepFolder, number: int) -> TrialRecord:
    """End one trial of the search, and return its record. Its score counts as that of a trial that was stopped early.

    A trial that has ended is left as it is. Raises UsageError for a trial that cannot be stopped (find_stoppable), and
    SweeperError if the driver ends before it answers.
    """
    record = find_stoppable(folder, number)
    return record if record.end is not None else _ask_for_end(folder, number)


def find_stoppable(folder: SweepFolder, number: int) -> TrialRecord:
    """Return the record of a trial that can be stopped, or that has ended.

    Raises UsageError if there is no such trial, if it belongs to the confirmation, or if nobody drives the sweep.
    """
    record = take_snapshot(folder).record(number)
    if record.end is not None:
        return record
    if record.trial.source_trial:
        raise UsageError(
            f"{folder.path}: trial {number} confirms a setting with a fresh seed, and seeds must not be selected; "
            "stop the sweep instead, or wait"
        )
    if not is_locked(folder.journal):
        raise UsageError(
            f"{folder.path}: nobody drives this sweep, so trial {number} does not run; there is nothing to stop"
        )
    return record


def describe_end(number: int, end: TrialEnd) -> str:
    """Return in words how a trial ended that was to be stopped: by that, or before."""
    if end.is_by_user:
        return f"trial {number}: {end.reason}"
    reason = f" ({end.reason})" if end.reason else ""
    return f"trial {number} has ended already: {end.outcome.label}{reason}"


def _ask_for_end(folder: SweepFolder, number: int) -> TrialRecord:
    """Ask the driver to end a trial, and return the record once it has. Raises UsageError and SweeperError."""
    is_driven = ask_driver(folder, StopRequest(number))
    record = take_snapshot(folder).record(number)
    if record.end is None and is_driven:
        raise UsageError(
            f"{folder.path}: the search is over, and trial {number} does not run; there is nothing to stop"
        )
    if record.end is None:
        raise SweeperError(f"{folder.path}: its driver ended before it stopped trial {number}, which can be continued")
    return record
