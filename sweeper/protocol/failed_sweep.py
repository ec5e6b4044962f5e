"""Decides whether a sweep has failed: its first trials all failed alike, or nothing in it succeeded.

Unsuccessful trials stay in the record and count against the budget. If all trials of a whole budget were unsuccessful,
the budget is tried once more: such a round does not count.
"""

import re
from collections import Counter
from collections.abc import Sequence

from sweeper.errors import SweepFailedError
from sweeper.protocol.confirmation import candidates, has_model
from sweeper.protocol.ranking import FRESH_TRAININGS, describe_outcomes, none_succeeded
from sweeper.protocol.search_budget import SearchEnd, count_search_trials
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.trial_files import traceback_path, trial_folder
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd, TrialRecord
from sweeper.wording import format_value

_PLACE = re.compile(r'^  File "(.+)", line (\d+), in (.+)$', re.MULTILINE)  # a frame in a traceback
_NUMBER = re.compile(r"\d+")


def failure_kind(trial_end: TrialEnd) -> tuple[str, str]:
    """Return the type of an exception and the place that raised it, as two texts that are equal for equal failures.

    An end without a traceback, such as that of a lost worker, has its reason without numbers for a type.
    """
    places = _PLACE.findall(trial_end.traceback)
    if not places:
        return _NUMBER.sub("", trial_end.reason), ""
    return trial_end.reason.partition(":")[0], ":".join(places[-1])


def failed_alike(records: Sequence[TrialRecord]) -> bool:
    """Return True if all of these trials failed, with the same type of exception in the same place."""
    ends = [record.end for record in records if record.end is not None and record.end.outcome == Outcome.FAILED]
    return bool(ends) and len(ends) == len(records) and len(set(map(failure_kind, ends))) == 1


def is_unsuccessful(record: TrialRecord) -> bool:
    """Return True if a trial has ended, and neither completed nor was stopped early."""
    return record.end is not None and not record.end.outcome.is_healthy


def count_failed_rounds(spec: SweepSpec, searched: Sequence[TrialRecord]) -> int:
    """Return how many times the whole budget was spent, from the first trial on, without a single success.

    `searched` are the trials of the search, ordered by number. Users' clones are not part of the budget.
    """
    return _count_rounds(spec, [is_unsuccessful(record) for record in searched if not record.trial.clone_of])


def count_planned_trials(spec: SweepSpec, unsuccessful: Sequence[bool]) -> int:
    """Return the trials that a search has: its budget, and this again for each failed round that another followed.

    `unsuccessful` tells of each of its trials, in order and without users' clones, if it ended without success.
    """
    return (1 + _count_rounds(spec, unsuccessful[:-1])) * count_search_trials(spec)


def _count_rounds(spec: SweepSpec, unsuccessful: Sequence[bool]) -> int:
    size, rounds = count_search_trials(spec), 0
    while len(unsuccessful) >= (rounds + 1) * size and all(unsuccessful[rounds * size :][:size]):
        rounds += 1
    return rounds


def require_success(
    searched: Sequence[TrialRecord], job: TrainingJob, *, has_pending: bool, end: SearchEnd | None = None
) -> None:
    """Raise SweepFailedError if trials of the search have ended, and all of them unsuccessfully.

    With `has_pending`, the budget has trials left. If `end` has ended the search, some trial must have ended well.
    """
    ended = [record for record in searched if record.end is not None]
    if end is not None and all(map(is_unsuccessful, ended)):
        outcomes = f"; of its trials, {_describe_ends(ended)}" if ended else ""
        summary = f"{job.folder.name}: the search ended before a trial succeeded: {end.reason}{outcomes}"
        raise SweepFailedError(f"{summary}\nthe same command with another {end.limit} continues")
    if searched and all(map(is_unsuccessful, searched)):
        summary = f"{none_succeeded(len(searched), 'trial')}: {_describe_ends(searched)}"
        raise _search_failed(summary, searched[0], job, has_pending=has_pending)


def first_trials_failed(first: Sequence[TrialRecord], job: TrainingJob, *, has_pending: bool) -> SweepFailedError:
    """Return the error for a sweep whose first trials in this command all failed alike."""
    trials = "first trial" if len(first) == 1 else f"first {len(first)} trials all"
    summary = f"the {trials} failed: {_reason(first[0])}"
    return _search_failed(summary, first[0], job, has_pending=has_pending)


def _search_failed(summary: str, first: TrialRecord, job: TrainingJob, *, has_pending: bool) -> SweepFailedError:
    rest = "the rest of the budget" if has_pending else "the whole budget again"
    remedy = f"fix the cause; then the same command continues with {rest}, and --fresh starts anew"
    return SweepFailedError(f"{job.folder.name}: {summary}\n{_describe_trial(first, job)}\n{remedy}")


def require_confirmation(spec: SweepSpec, records: Sequence[TrialRecord], job: TrainingJob) -> None:
    """Raise SweepFailedError if settings were trained with fresh seeds, and no seed of any system left a model."""
    systems = range(len(spec.systems))
    seeds = [seed for system in systems for candidate in candidates(spec, records, system) for seed in candidate.seeds]
    if not seeds or any(map(has_model, seeds)):
        return
    summary = f"{none_succeeded(len(seeds), *FRESH_TRAININGS)}: {_describe_ends(seeds)}"
    remedy = "fix the cause; then the same command trains them again; --set confirm.seeds=0 ends the sweep without them"
    raise SweepFailedError(f"{job.folder.name}: {summary}\n{_describe_trial(seeds[0], job)}\n{remedy}")


def _describe_ends(records: Sequence[TrialRecord]) -> str:
    """Return the outcomes with their numbers, and the reason of all or of the first."""
    ends = [record.end for record in records if record.end is not None]
    outcomes = describe_outcomes(Counter(end.outcome for end in ends))
    which = "" if len(set(map(failure_kind, ends))) == 1 else "the first: "
    return f"{outcomes} ({which}{_reason(records[0])})"


def _reason(record: TrialRecord) -> str:
    return "" if record.end is None else record.end.reason or record.end.outcome.label


def _describe_trial(record: TrialRecord, job: TrainingJob) -> str:
    trial = record.trial
    setting = ", ".join(f"{name} {format_value(value)}" for name, value in trial.params.items())
    has_traceback = record.end is not None and record.end.traceback
    traceback = f"; its traceback: {traceback_path(trial_folder(job.folder, trial))}" if has_traceback else ""
    return f"trial {trial.number}: {setting}{traceback}"
