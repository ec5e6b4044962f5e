"""What a sweep must have whatever befell it: the courses of its trainer, and Ray's rule on who came when.

Derived from the configs and from the order in which the record says that reports came, by nothing that sweeper itself
decides with. A violation is a line that names the trial.
"""

import json
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TestAccess, TrialRecord
from tests.support.record_invariants import ATTRIBUTE, ENDED, PRUNED, STATE, numbered_trials, read_operations, search_trials, read_trials
from tests.support.simulation.world import LARGEST, training_course

_PROPOSALS = 20  # that repeat a stopped setting, before one is taken after all

End = tuple[int, Outcome]  # after so many reports


def check_trials(spec: SweepSpec, recorded: Sequence[TrialRecord], given_up: Collection[int]) -> Iterator[str]:
    """Trials whose reports or end are not those of an uninterrupted training, judged in the order of arrival.

    `given_up` are the trials whose worker was lost too often: they may fail at any point.
    """
    stops = _expected_stops(spec, recorded)
    for one in recorded:
        number, steps = one.trial.number, len(one.reports)
        reports, _ = training_course(one.trial.config)
        if repr(list(one.reports)) != repr(reports[:steps]):
            yield f"trial {number}: reported {one.reports}, an uninterrupted one {reports}"
        expected = _undisturbed_end(spec, one)
        if stops.get(number, math.inf) <= expected[0]:
            expected = stops[number], Outcome.STOPPED_EARLY
        found = (steps, one.end.outcome) if one.end else None
        early = found is None or (number in given_up and found[1] == Outcome.FAILED)
        if found != expected and not (early and steps <= expected[0]):
            yield f"trial {number}: ended {found}, an uninterrupted one {expected}"


def _undisturbed_end(spec: SweepSpec, one: TrialRecord) -> End:
    """How a trial ends that no other stops."""
    (reports, error), metric = training_course(one.trial.config), spec.objective.metric
    for report in reports:
        if not math.isfinite(report.metrics.get(metric, 0.0)):
            return report.step, Outcome.DIVERGED
        if not one.trial.source_trial and _collapsed(reports[: report.step], spec.grace_validations):
            return report.step, Outcome.COLLAPSED
    if error is not None:
        return len(reports), Outcome.FAILED
    judged = [report for report in reports if metric in report.metrics]
    best = max(judged, key=lambda report: spec.objective.sign * report.metrics[metric])
    return len(reports), Outcome.COLLAPSED if best.metrics[LARGEST] == 1 else Outcome.COMPLETED


def _collapsed(reports: Sequence[ValidationReport], grace: int) -> bool:
    shares = [report.metrics[LARGEST] for report in reports if LARGEST in report.metrics][grace:]
    return shares[-2:] == [1.0, 1.0]


def _expected_stops(spec: SweepSpec, recorded: Sequence[TrialRecord]) -> dict[int, int]:
    """The step at which each trial must be stopped that must be, by Ray's rule."""
    found: dict[int, int] = {}
    for system in range(len(spec.systems)):
        for rung in reversed(spec.rungs):
            searched = [one for one in recorded if one.trial.system == system and not one.trial.source_trial]
            found |= dict.fromkeys(_stopped_at(spec, rung, searched), rung)
    return found


def _stopped_at(spec: SweepSpec, rung: int, trials: Sequence[TrialRecord]) -> Iterator[int]:
    """The trials that are stopped at a rung: below the quantile of those that came to it before."""
    assert spec.asha != "off"
    came = [(one.report_times[rung - 1], one) for one in trials if len(one.reports) >= rung]
    seen: list[float] = []
    for _, one in sorted(came, key=lambda pair: pair[0]):
        value = spec.objective.sign * one.reports[rung - 1].metrics.get(spec.objective.metric, math.nan)
        cutoff = np.percentile(seen, (1 - 1 / spec.asha.reduction_factor) * 100) if seen else -math.inf
        if value < cutoff and rung != one.trial.config.num_validations:
            yield one.trial.number
        seen += [value] if math.isfinite(value) else []


def check_proposals(record: Path) -> Iterator[str]:
    """Trials whose setting had been stopped, though the sampler had not given up on finding another."""
    whole = read_operations(record.read_bytes())
    trials = read_trials(whole)
    stopped: set[str] = set()
    skipped: dict[str, set[int]] = {trial.system: set() for trial in trials}  # since the cell's last trial
    for operation in whole:
        if "trial_id" not in operation:
            continue
        trial = trials[operation["trial_id"]]
        if trial.system.startswith("confirm "):  # nothing is proposed there
            continue
        setting = json.dumps([trial.system, trial.params], sort_keys=True)
        if operation["op_code"] == STATE and operation["state"] in ENDED:
            stopped |= {setting} if operation["state"] == PRUNED else set()
        if "skipped" in _user_attributes(operation):
            skipped[trial.system].add(operation["trial_id"])
        if "number" in _user_attributes(operation):
            if setting in stopped and len(skipped[trial.system]) < _PROPOSALS:
                yield f"trial {trial.last('number')}: repeats a setting that was stopped: {setting}"
            skipped[trial.system].clear()


def _user_attributes(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = operation["user_attr"] if operation["op_code"] == ATTRIBUTE else {}
    return found


def check_budget(record: Path, trials: int) -> Iterator[str]:
    """Where a finished sweep does not have each number of its budget once, each with one end."""
    proposed = read_trials(read_operations(record.read_bytes()))
    found = numbered_trials(proposed)
    if any(trial.last("number") is None and trial.last("skipped") is None for trial in proposed):
        yield "a proposal was neither numbered nor skipped"
    if sorted(number for number, _ in found) != list(range(1, len(found) + 1)) or len(search_trials(proposed)) != trials:
        yield f"the trials are {[number for number, _ in found]}, the budget is {trials}"
    for number, trial in found:
        if len(trial.all("outcome")) != 1 or len(trial.states) != 1:
            yield f"trial {number}: has the outcomes {trial.all('outcome')}, told {len(trial.states)} times"


def check_test_scores(
    spec: SweepSpec, recorded: Sequence[TrialRecord], test_accesses: Sequence[TestAccess], answered: Collection[int]
) -> Iterator[str]:
    """Where a finished sweep has not confirmed the best of each cell, or not opened the test split for its seeds alone.

    With one setting to confirm in each cell: the best of the search, with as many seeds as the spec says; those of an
    earlier best stay when the budget grows.
    """
    for system in range(len(spec.systems)):
        own = [one for one in recorded if one.trial.system == system]
        best = _best_settings(spec, [one for one in own if not one.trial.source_trial])
        of_best = [one for one in own if one.trial.source_trial and _setting_key(one) in best]
        repeats = Counter((_setting_key(one), one.trial.seed_index) for one in own if one.trial.source_trial)
        wanted = range(1, spec.confirm.seeds + 1)
        if best and not any(all(repeats[setting, repeat] for repeat in wanted) for setting in best):
            yield f"cell {system}: the best of the search is not confirmed with every seed: {sorted(repeats)}"
        for one in of_best:
            ended_well = one.end is not None and one.end.outcome in (Outcome.COMPLETED, Outcome.COLLAPSED)
            if ended_well and one.test is None and len(best) == 1:
                yield f"trial {one.trial.number}: confirms the best, and was not scored"
    for one in recorded:
        if one.test is not None and (one.trial.number not in answered or not one.trial.source_trial):
            yield f"trial {one.trial.number}: was scored, and its answers were not kept, or it confirms nothing"
        if one.test is not None and not any(
            test_access.trial == one.trial.number and test_access.at < one.test.at for test_access in test_accesses
        ):
            yield f"trial {one.trial.number}: was scored without a look on record"
    if len({one.trial.config.seed for one in recorded if not one.trial.source_trial} & _fresh_seeds(recorded)) > 0:
        yield "a seed that confirms was seen in the search"


def _fresh_seeds(recorded: Sequence[TrialRecord]) -> set[int]:
    return {one.trial.config.seed for one in recorded if one.trial.source_trial}


def _setting_key(one: TrialRecord) -> str:
    return json.dumps(dict(one.trial.params), sort_keys=True)


def _best_settings(spec: SweepSpec, searched: Sequence[TrialRecord]) -> set[str]:
    """The settings with the best mean over their trials that completed; several where they are equal."""
    scores: dict[str, list[float]] = {}
    for one in searched:
        if one.end is not None and one.end.outcome == Outcome.COMPLETED:
            values = [report.metrics.get(spec.objective.metric, math.nan) for report in one.reports]
            finite = [spec.objective.sign * value for value in values if math.isfinite(value)]
            scores.setdefault(_setting_key(one), []).append(max(finite))
    means = {setting: sum(found) / len(found) for setting, found in scores.items()}
    return {setting for setting, mean in means.items() if math.isclose(mean, max(means.values()))}
