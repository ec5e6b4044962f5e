"""Adds a trial to a sweep's search: one of its trials with some values changed by a user.

It stays in the same question, so its values lie in the search space. It is trained, stopped early and ranked as any
other, and the sampler learns from it. It comes on top of the budget's trials, so that the sampler has an equal share in
each system; other limits of the budget count it. Record, MLflow and report name it as the user's.

Once the test split was scored, nothing is added: a trial chosen after that would be chosen with the test in mind.
"""

from collections.abc import Mapping, Sequence

from sweeper.app.ask_driver import ask_driver
from sweeper.app.open_study import open_study
from sweeper.app.show_sweep import take_snapshot
from sweeper.errors import SweeperError, UsageError
from sweeper.protocol.search_budget import SearchBudget
from sweeper.search_space.changed_setting import change_setting
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.record_lock import is_locked
from sweeper.storage.requests import CloneRequest
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.training.config import Scalar
from sweeper.trials.interfaces import Study
from sweeper.trials.trial import Trial, TrialRecord

_NEW_SWEEP = "change the search space, which makes a new sweep, or start one with --fresh"


def clone_trial(folder: SweepFolder, number: int, changes: Mapping[str, Scalar]) -> Trial:
    """Record one more trial of a sweep's search: trial `number` with these values changed. Return the new trial.

    A running sweep starts it next; where nobody drives the sweep, the command that continues it does. A clone without
    changes trains the same setting with another seed.

    Raises:
        UsageError: there is no such trial, it confirms a setting, a change leaves the search space, the test split was
            scored, or the search has ended.
        SweeperError: the driver ended before it answered.
    """
    snapshot = take_snapshot(folder)
    source = snapshot.record(number).trial
    if source.source_trial:
        raise UsageError(
            f"{folder.path}: trial {number} confirms trial {source.source_trial} with a fresh seed; "
            f"clone trial {source.source_trial}"
        )
    system = snapshot.spec.systems[source.system]
    params = change_setting(snapshot.spec.space, system, source.params, dict(changes))
    if snapshot.results.test_accesses:
        raise _already_tested(folder)
    if is_locked(folder.journal):
        return _ask(folder, snapshot.records, CloneRequest(number, params))
    with open_study(folder, snapshot.spec) as study:
        _require_open_search(folder, snapshot.spec, study)
        folder.mark_running()
        return study.clone(source, params)


def _require_open_search(folder: SweepFolder, spec: SweepSpec, study: Study) -> None:
    """Raise UsageError if the test split was scored, or a limit has ended the search."""
    if study.test_accesses():
        raise _already_tested(folder)
    end = SearchBudget(spec, study.all_trials(), study.sessions()).find_end()
    if end is not None:
        raise UsageError(
            f"{folder.path}: the search has ended, because {end.reason}; run it with another {end.limit} first, "
            "and clone the trial while it runs"
        )


def _ask(folder: SweepFolder, records: Sequence[TrialRecord], request: CloneRequest) -> Trial:
    """Ask the driver for the trial, and return it: the one that the `records` from before do not have.

    Raises UsageError if the driver does not search any more, SweeperError if it ended.
    """
    is_driven = ask_driver(folder, request)
    earlier_numbers = {record.trial.number for record in records}
    for record in take_snapshot(folder).records:
        trial = record.trial
        if trial.number not in earlier_numbers and trial.clone_of == request.trial and trial.params == request.params:
            return trial
    if is_driven:
        raise UsageError(
            f"{folder.path}: its search is over, and it confirms or tests the winners; nothing was added: {_NEW_SWEEP}"
        )
    raise SweeperError(f"{folder.path}: its driver ended before it added the trial; the same command adds it now")


def _already_tested(folder: SweepFolder) -> UsageError:
    return UsageError(
        f"{folder.path}: its test split was scored, and a trial chosen after that would be chosen with the test in "
        f"mind; {_NEW_SWEEP}"
    )
