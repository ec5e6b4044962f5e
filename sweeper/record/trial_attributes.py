"""The attributes of a trial in Optuna's journal, read back as a TrialRecord.

Whatever sweeper knows of a trial besides its params is an attribute of it: `number`, then `report:STEP` with the
metrics and the time, then `reason`, `traceback` and `outcome`, in that order. `attempt` counts its starts. A proposal
that learned from trials of other systems or earlier sweeps has their number, `borrowed`, before its own. A trial that
confirms a setting also has `params` (no sampler chose them), `source_trial` and `seed_index`; a user's clone has
`clone_of` and, because it waits for its first attempt, the time of that, `started_at`; a trial of a race has `race_of`,
one whose search has brackets its `bracket`, and one that was promoted the last rung at which it was, `promoted_after`.
Optuna takes no attribute of a trial that has ended. What comes later is therefore an attribute of the study:
`test_access:TIME`, `test:NUMBER`.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import optuna
from optuna.trial import FrozenTrial

from sweeper.record.parameters import resolve_params
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TestAccess, TestScore, Trial, TrialEnd, TrialRecord

BORROWED = "borrowed"
BRACKET = "bracket"
CLONE_OF = "clone_of"
PROMOTED_AFTER = "promoted_after"
RACE_OF = "race_of"
STARTED_AT = "started_at"
REPORT = "report:"  # before the step
TEST_ACCESS = "test_access:"  # before the time
TEST_SCORE = "test:"  # before the trial's number


def counted_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials of a study that count. A proposal that was skipped has no number."""
    return [stored for stored in study.get_trials(deepcopy=False) if "number" in stored.user_attrs]


def stored_bracket(stored: FrozenTrial) -> int:
    """Return a trial's bracket of early stopping, from 1; 0 without brackets."""
    bracket: int = stored.user_attrs.get(BRACKET, 0)
    return bracket


def report_time(stored: FrozenTrial, step: int) -> int:
    """Return the time of a trial's report, in milliseconds since 1970."""
    milliseconds: int = stored.user_attrs[f"{REPORT}{step}"]["time"]
    return milliseconds


def stored_reports(stored: FrozenTrial) -> Iterator[tuple[ValidationReport, int]]:
    """Yield each report of a trial with its time in milliseconds since 1970, in the order in which they were set."""
    for key, value in stored.user_attrs.items():
        if key.startswith(REPORT):
            step = int(key.removeprefix(REPORT))
            yield ValidationReport(step, value["epoch"], value["metrics"]), value["time"]


def to_trial(spec: SweepSpec, system: int, stored: FrozenTrial, threads: int) -> Trial:
    """Build the Trial that a stored trial stands for. This validates its TrainConfig."""
    attributes, name = stored.user_attrs, spec.system_name(system)
    number, seed_index = attributes["number"], attributes.get("seed_index", 0)
    if seed_index:
        params = attributes["params"]
        seed = spec.derive_seed("confirm", name, seed_index)
    else:
        params = resolve_params(spec, system, lambda parameter, _: stored.params[parameter])
        seed = spec.derive_seed("search", name, number)
    config = spec.train_config(params, seed=seed, threads=threads)
    attempt, source_trial = attributes.get("attempt", 1), attributes.get("source_trial", 0)
    origin = attributes.get(CLONE_OF, 0), stored_bracket(stored), attributes.get(RACE_OF, 0)
    return Trial(number, system, params, config, attempt, source_trial, seed_index, *origin)


def to_trial_record(trial: Trial, study: optuna.Study, stored: FrozenTrial) -> TrialRecord:
    """Build the record of a trial from all that is stored of it."""
    test_score = study.user_attrs.get(f"{TEST_SCORE}{trial.number}") if trial.source_trial else None
    test, borrowed = TestScore(**test_score) if test_score else None, stored.user_attrs.get(BORROWED, 0)
    return update_trial_record(TrialRecord(trial, test=test, borrowed=borrowed), stored)


def update_trial_record(record: TrialRecord, stored: FrozenTrial) -> TrialRecord:
    """Return `record` with its start, and with the reports, the promotion and the end that are new in `stored`."""
    steps = {report.step for report in record.reports}
    new = [(report, at) for report, at in stored_reports(stored) if report.step not in steps]
    timed = [*zip(record.reports, record.report_times, strict=True), *new]
    timed.sort(key=lambda report_and_time: report_and_time[0].step)
    has_ended = "outcome" in stored.user_attrs and stored.state.is_finished()
    return replace(
        record,
        reports=tuple(report for report, _ in timed),
        report_times=tuple(at for _, at in timed),
        started_at=_started_at(stored),
        end=_trial_end(stored.user_attrs) if has_ended else None,
        ended_at=1000 * stored.datetime_complete.timestamp() if stored.datetime_complete else None,
        promoted_after=stored.user_attrs.get(PROMOTED_AFTER, 0),
    )


def _started_at(stored: FrozenTrial) -> int:
    """Return the time at which a trial started, or was added if it waits, in milliseconds since 1970."""
    added_at = int(1000 * (stored.datetime_start.timestamp() if stored.datetime_start else time.time()))
    return int(stored.user_attrs.get(STARTED_AT, added_at))


def stored_test_accesses(storage: optuna.storages.BaseStorage) -> list[TestAccess]:
    """Return every test access in a record, oldest first. Whoever counts test accesses counts these."""
    accesses = [
        TestAccess(**value)
        for study in storage.get_all_studies()
        for key, value in study.user_attrs.items()
        if key.startswith(TEST_ACCESS)
    ]
    return sorted(accesses, key=lambda access: (access.at, access.trial))


def increasing_timestamps(latest: int, clock: Callable[[], float] = time.time) -> Callable[[], int]:
    """Return a clock in milliseconds since 1970, made of one in seconds.

    Each time is later than the one before it, and than `latest`, because the order of times decides at a rung.
    """

    def now() -> int:
        nonlocal latest
        latest = max(int(clock() * 1000), latest + 1)
        return latest

    return now


def _trial_end(attributes: Mapping[str, Any]) -> TrialEnd:
    return TrialEnd(Outcome(attributes["outcome"]), attributes["reason"], attributes.get("traceback", ""))
