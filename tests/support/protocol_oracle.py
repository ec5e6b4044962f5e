"""The expected result of a simulated sweep, whatever faults it had.

It is computed from the configs of the trials and from the order of reports in the record, without any code with which
sweeper decides. A violation is a line of text that names the trial.
"""

import itertools
import json
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.search_space.early_stopping import AshaSettings
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TestAccess, TrialRecord
from tests.support.journal_reader import (
    ATTRIBUTE,
    ENDED,
    PRUNED,
    STATE,
    numbered_trials,
    read_operations,
    read_trials,
    search_trials,
)
from tests.support.shrunk_means import expected_shrunk_means
from tests.support.simulation.world import LARGEST, LOSS, training_course

_MAX_RETRIES = 20  # proposals that repeat a stopped setting before one is accepted anyway

End = tuple[int, Outcome]  # number of reports, and outcome


def check_trials(spec: SweepSpec, records: Sequence[TrialRecord], given_up: Collection[int]) -> Iterator[str]:
    """Name the trials whose reports or end differ from those of an undisturbed sweep.

    `given_up` are the trials that lost their worker too often: they may fail at any point.
    """
    stops = _expected_stops(spec, records)
    for record in records:
        number, steps = record.trial.number, len(record.reports)
        reports, _ = training_course(record.trial.config)
        if repr(list(record.reports)) != repr(reports[:steps]):
            yield f"trial {number}: reported {record.reports}, an undisturbed one {reports}"
        expected = _undisturbed_end(spec, record)
        if stops.get(number, math.inf) <= expected[0]:
            expected = stops[number], Outcome.STOPPED_EARLY
        end = (steps, record.end.outcome) if record.end else None
        may_be_shorter = end is None or (number in given_up and end[1] == Outcome.FAILED)
        if end != expected and not (may_be_shorter and steps <= expected[0]):
            yield f"trial {number}: ended as {end}, an undisturbed one as {expected}"


def _undisturbed_end(spec: SweepSpec, record: TrialRecord) -> End:
    """Return how a trial ends if early stopping does not end it."""
    (reports, error), metric = training_course(record.trial.config), spec.objective.metric
    for report in reports:
        if not math.isfinite(report.metrics.get(metric, 0.0)):
            return report.step, Outcome.DIVERGED
        early = reports[: report.step] if not record.trial.source_trial else []
        if len(_judged(early)) > spec.grace_validations + 1 and _has_stalled(spec, early):
            return report.step, Outcome.COLLAPSED
    if error is not None:
        return len(reports), Outcome.FAILED
    values = validation_values(spec, reports)
    best = _judged(reports)[values.index(max(values))]
    is_constant = best.metrics[LARGEST] == 1 and not max(values) > max(values[:-1], default=math.inf)
    is_collapsed = is_constant and max(values) <= _constant(spec)
    return len(reports), Outcome.COLLAPSED if is_collapsed or _has_stalled(spec, reports) else Outcome.COMPLETED


def _judged(reports: Sequence[ValidationReport]) -> list[ValidationReport]:
    return [report for report in reports if LARGEST in report.metrics]


def validation_values(spec: SweepSpec, reports: Sequence[ValidationReport]) -> list[float]:
    """Return the objective at each validation that has one; more is better."""
    return [spec.objective.sign * report.metrics[spec.objective.metric] for report in _judged(reports)]


def _constant(spec: SweepSpec) -> float:
    """Return the best constant prediction for two classes of equal size; more is better."""
    return 0.5 if spec.objective.sign > 0 else -math.log(2)


def _has_stalled(spec: SweepSpec, reports: Sequence[ValidationReport]) -> bool:
    """Return True if a trial never beat the best constant prediction, and predicts one class twice without a rise."""
    values, judged = validation_values(spec, reports), _judged(reports)
    if len(judged) < 2 or max(values) > _constant(spec) or min(r.metrics[LOSS] for r in judged) < 0.95 * math.log(2):
        return False
    rises = values[-1] > max(values[:-1]) or values[-2] > max(values[:-2], default=math.inf)
    return not rises and judged[-1].metrics[LARGEST] == judged[-2].metrics[LARGEST] == 1


def _expected_stops(spec: SweepSpec, records: Sequence[TrialRecord]) -> dict[int, int]:
    """Return the step at which each trial must be stopped, by Ray's ASHA rule, for those that must be.

    Bracket k (from 1) of Hyperband has all rungs but the first k - 1. With promotion, a trial may be stopped wherever
    it waits: check_promotions judges that.
    """
    stops: dict[int, int] = {}
    if spec.pausing_rungs:
        return {number: step for record in records for number, step in _stop_while_waiting(spec, record)}
    searched = [record for record in records if not record.trial.source_trial]
    for system, bracket in {(record.trial.system, record.trial.bracket) for record in searched}:
        own = [record for record in searched if (record.trial.system, record.trial.bracket) == (system, bracket)]
        for rung in reversed(spec.rungs[max(0, bracket - 1) :]):
            stops |= dict.fromkeys(_stopped_at(spec, rung, own), rung)
    return stops


def _stop_while_waiting(spec: SweepSpec, record: TrialRecord) -> Iterator[tuple[int, int]]:
    """Yield a trial that was stopped at a rung from which it was not promoted, with the rung."""
    trial, steps = record.trial, len(record.reports)
    waited = steps in spec.rungs and record.promoted_after < steps < trial.config.num_validations
    is_stopped = record.end is not None and record.end.outcome == Outcome.STOPPED_EARLY
    if is_stopped and waited and not trial.race_of and not trial.source_trial:
        yield trial.number, steps


def check_promotions(spec: SweepSpec, records: Sequence[TrialRecord]) -> Iterator[str]:
    """Check the rungs of a finished search whose trials wait there: who passed was promoted, and the best were.

    A trial that failed after a rung gives its place to the next one, unless that was stopped before. One whose last
    validation is a rung takes no place there.
    """
    settings, searched = spec.early_stopping_settings, [it for it in records if not it.trial.source_trial]
    if not spec.pausing_rungs or not isinstance(settings, AshaSettings):
        return
    for system, rung in itertools.product(range(len(spec.systems)), spec.rungs):
        own = [it for it in searched if it.trial.system == system and not it.trial.race_of]
        going_on = [it for it in own if rung < it.trial.config.num_validations]
        reached = [it for it in going_on if _value_at(spec, it, rung) is not None]
        for record in reached:
            if len(record.reports) > rung and record.promoted_after < rung:
                yield f"trial {record.trial.number}: passed rung {rung}, and no promotion is on record"
        healthy = [it for it in reached if it.end and it.end.outcome in (Outcome.COMPLETED, Outcome.STOPPED_EARLY)]
        ranked = sorted(healthy, key=lambda it: (-(_value_at(spec, it, rung) or 0.0), it.trial.number))
        best = ranked[: max(1, len(ranked) // settings.reduction_factor)]
        left = [it.trial.number for it in best if (it.trial.number, rung) in _stop_while_waiting(spec, it)]
        if len(left) > len(reached) - len(healthy):
            yield f"system {system}: of the best at rung {rung}, the trials {left} were not promoted"


def _value_at(spec: SweepSpec, record: TrialRecord, rung: int) -> float | None:
    """Return a trial's value at a rung, more is better; None without a finite one."""
    values = [it.metrics.get(spec.objective.metric, math.nan) for it in record.reports if it.step == rung]
    return spec.objective.sign * values[0] if values and math.isfinite(values[0]) else None


def _stopped_at(spec: SweepSpec, rung: int, trials: Sequence[TrialRecord]) -> Iterator[int]:
    """Yield the trials stopped at a rung: those below the quantile of the values that reached it before."""
    settings = spec.early_stopping_settings
    assert isinstance(settings, AshaSettings)
    arrived = [(record.report_times[rung - 1], record) for record in trials if len(record.reports) >= rung]
    seen: list[float] = []
    for _, record in sorted(arrived, key=lambda pair: pair[0]):
        value = spec.objective.sign * record.reports[rung - 1].metrics.get(spec.objective.metric, math.nan)
        cutoff = np.percentile(seen, (1 - 1 / settings.reduction_factor) * 100) if seen else -math.inf
        is_safe = record.trial.race_of or rung == record.trial.config.num_validations
        if value < cutoff and not is_safe:
            yield record.trial.number
        seen += [value] if math.isfinite(value) else []


def check_proposals(journal: Path) -> Iterator[str]:
    """Name the trials whose setting had been stopped, although the sampler had not used up its retries."""
    operations = read_operations(journal.read_bytes())
    trials = read_trials(operations)
    stopped: set[str] = set()
    skipped: dict[str, set[int]] = {trial.system: set() for trial in trials}  # since the system's last trial
    for operation in operations:
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
            if setting in stopped and len(skipped[trial.system]) < _MAX_RETRIES:
                yield f"trial {trial.last('number')}: repeats a setting that was stopped: {setting}"
            skipped[trial.system].clear()


def _user_attributes(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    attributes: Mapping[str, Any] = operation["user_attr"] if operation["op_code"] == ATTRIBUTE else {}
    return attributes


def check_budget(journal: Path, budget: int) -> Iterator[str]:
    """Check that a finished sweep has each number of its budget once, each with one end."""
    proposed = read_trials(read_operations(journal.read_bytes()))
    trials = numbered_trials(proposed)
    numbers = sorted(number for number, _ in trials)
    if any(trial.last("number") is None and trial.last("skipped") is None for trial in proposed):
        yield "a proposal was neither numbered nor skipped"
    if numbers != list(range(1, len(numbers) + 1)) or len(search_trials(proposed)) != budget:
        yield f"the trials are {numbers}, the budget is {budget}"
    for number, trial in trials:
        if len(trial.all("outcome")) != 1 or len(trial.states) != 1:
            yield f"trial {number}: has the outcomes {trial.all('outcome')}, told {len(trial.states)} times"


def check_race(spec: SweepSpec, records: Sequence[TrialRecord]) -> Iterator[str]:
    """Check that the last trials of each system of a finished search are its race.

    Each has the setting of an earlier completed trial of its system, and another seed. Where none of the first settings
    completed, places of the race may go to new ones.
    """
    searched = {record.trial.number: record for record in records if not record.trial.source_trial}
    for number, record in searched.items():
        source = searched.get(record.trial.race_of)
        is_right = source is not None and (source.trial.system, source.trial.params) == (
            record.trial.system,
            record.trial.params,
        )
        is_earlier = source is not None and source.trial.number < number and _has_completed(source)
        if record.trial.race_of and not (is_right and is_earlier):
            yield f"trial {number}: races for trial {record.trial.race_of}, which has another setting or no score"
    if len({record.trial.config.seed for record in searched.values()}) < len(searched):
        yield "two trials of the search have the same seed"
    for system in range(len(spec.systems)):
        own = [record for record in searched.values() if record.trial.system == system]
        has_contestants = spec.race is not None and any(map(_has_completed, own[: spec.race.settings]))
        for record in own[len(own) - spec.race_trials :]:
            if has_contestants and not record.trial.race_of:
                yield f"trial {record.trial.number}: is among the last trials of system {system}, but does not race"


def _has_completed(record: TrialRecord) -> bool:
    return record.end is not None and record.end.outcome == Outcome.COMPLETED


def check_confirmation(spec: SweepSpec, records: Sequence[TrialRecord]) -> Iterator[str]:
    """Check that a finished sweep confirmed the best setting of each system, and scored its seeds on the test split.

    One setting per system is confirmed: the best of the search, with as many seeds as the spec says. The seeds of an
    earlier best setting stay when the budget grows.
    """
    for system in range(len(spec.systems)):
        of_system = [record for record in records if record.trial.system == system]
        best = _best_settings(spec, [record for record in of_system if not record.trial.source_trial])
        confirming = [record for record in of_system if record.trial.source_trial]
        confirmed = Counter((_setting_key(record), record.trial.seed_index) for record in confirming)
        wanted = range(1, spec.confirm.seeds + 1)
        if best and not any(all(confirmed[setting, index] for index in wanted) for setting in best):
            yield f"system {system}: the best of the search is not confirmed with every seed: {sorted(confirmed)}"
        for record in confirming:
            ended_well = record.end is not None and record.end.outcome in (Outcome.COMPLETED, Outcome.COLLAPSED)
            if ended_well and record.test is None and best == {_setting_key(record)}:
                yield f"trial {record.trial.number}: confirms the best setting, but was not scored"
    fresh_seeds = {record.trial.config.seed for record in records if record.trial.source_trial}
    if any(record.trial.config.seed in fresh_seeds for record in records if not record.trial.source_trial):
        yield "a fresh seed was used in the search"


def check_test_scores(
    records: Sequence[TrialRecord], test_accesses: Sequence[TestAccess], with_predictions: Collection[int]
) -> Iterator[str]:
    """Check that only confirming trials were scored, each after its test access was recorded, and with predictions."""
    for record in records:
        number = record.trial.number
        if record.test is None:
            continue
        if number not in with_predictions or not record.trial.source_trial:
            yield f"trial {number}: was scored, but its predictions were not saved, or it confirms nothing"
        if not any(access.trial == number and access.at < record.test.at for access in test_accesses):
            yield f"trial {number}: was scored without a recorded test access"


def _setting_key(record: TrialRecord) -> str:
    return json.dumps(dict(record.trial.params), sort_keys=True)


def _best_settings(spec: SweepSpec, searched: Sequence[TrialRecord]) -> set[str]:
    """Return the settings with the best mean over their completed trials, shrunk if they raced; all equal ones."""
    scores: dict[str, list[float]] = {}
    for record in searched:
        if record.end is not None and record.end.outcome == Outcome.COMPLETED:
            values = [report.metrics.get(spec.objective.metric, math.nan) for report in record.reports]
            finite = [spec.objective.sign * value for value in values if math.isfinite(value)]
            scores.setdefault(_setting_key(record), []).append(max(finite))
    seeds = list(scores.values())
    plain = [sum(values) / len(values) for values in seeds]
    means = dict(zip(scores, plain if spec.race is None else expected_shrunk_means(seeds), strict=True))
    return {setting for setting, mean in means.items() if math.isclose(mean, max(means.values()), abs_tol=1e-7)}
