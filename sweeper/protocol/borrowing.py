"""The trials of an earlier sweep that lie in the space of a new one: pure functions.

A trial counts with the values that its training used, whether they were searched, compared or fixed there. Values of
hyperparameters that the new sweep does not search are left out, and so are values outside the space that all trials
there share. A trial is left out if it has another value outside the space.
"""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sweeper.search_space.domains import Categorical, Domain, equal_values
from sweeper.search_space.space import Hyperparameter, Params
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.training.config import HYPERPARAMETERS, Scalar, TrainConfig, is_active
from sweeper.trials.borrowed import BorrowedTrial, BorrowedTrials
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord

Fit = Mapping[str, tuple[Scalar, Domain]]
"""The value and the domain of each parameter of a space, as far as a borrowed trial has them."""


def borrow_trials(
    spec: SweepSpec, folder: SweepFolder, source: SweepSpec, records: Sequence[TrialRecord]
) -> BorrowedTrials:
    """Return what a new sweep borrows from an earlier one: the ended trials of its search that lie in the space.

    `source` is the spec of the earlier sweep in `folder`, `records` are its trials. The trials of other systems are
    only borrowed if the new sweep's systems learn from each other (`tpe.siblings`).
    """
    ended = [record for record in records if record.end is not None and record.trial.is_of_search]
    varied_there = {hyperparameter.name for hyperparameter in source.space.hyperparameters if _varies(hyperparameter)}
    whole = [_to_borrowed(spec, source, record) for record in ended]
    trials = [_without_shared_values(spec, varied_there, trial) for trial in whole]
    shared = {name for trial, kept in zip(whole, trials, strict=True) for name in trial.values.keys() - kept.values}
    systems = range(len(spec.systems))
    inside = [trial for trial in trials if any(fit_trial(spec, system, trial) for system in systems)]
    of_own_systems = [trial for trial in inside if _has_own_system(spec, trial)]
    borrowed = inside if spec.tpe.siblings else of_own_systems
    searched = {hyperparameter.name for hyperparameter in source.space.searched_hyperparameters()}
    return BorrowedTrials(
        sweep=folder.name,
        id=folder.manifest.id,
        dataset=source.dataset_spec.name,
        validation=folder.validation_digest,
        same_dataset=folder.manifest.identity.get("dataset") == spec.identity["dataset"],
        ended=len(ended),
        outside=len(trials) - len(inside),
        of_other_systems=len(inside) - len(borrowed),
        left_out=sorted(searched - _varying(spec) | shared),
        trials=borrowed,
    )


def _varying(spec: SweepSpec) -> set[str]:
    return {hyperparameter.name for hyperparameter in spec.space.hyperparameters}


def _varies(hyperparameter: Hyperparameter) -> bool:
    """Return False if all trials of a sweep have the same value, as with a single one under `search`."""
    first = hyperparameter.branches[0]
    is_single = isinstance(first.domain, Categorical) and len(first.domain.values) == 1 and not first.when
    return len(hyperparameter.branches) > 1 or not is_single


def _to_borrowed(spec: SweepSpec, source: SweepSpec, record: TrialRecord) -> BorrowedTrial:
    config, system = record.trial.config, dict(source.systems[record.trial.system])
    used = {name: getattr(config, name) for name in HYPERPARAMETERS}
    names = _varying(spec) | system.keys()
    metric = spec.objective.metric
    reported = [(report.epoch, report.metrics[metric]) for report in record.reports if metric in report.metrics]
    values = [value for _, value in reported if math.isfinite(value)]
    outcome = record.outcome or Outcome.FAILED
    is_scored = outcome == Outcome.COMPLETED and values
    score = spec.objective.value_of(values, keeps_last=config.keeps_last) if is_scored else None
    return BorrowedTrial(
        number=record.trial.number,
        system=system,
        values={name: value for name, value in used.items() if name in names and is_active(name, used)},
        score=score,
        reports=_to_steps(spec, reported) if outcome.is_healthy else {},
    )


def _to_steps(spec: SweepSpec, reported: Sequence[tuple[float, float]]) -> dict[int, float]:
    """Return the values that were reported at an epoch at which the new sweep validates too, by its validation."""
    steps = [(epoch * spec.validations_per_epoch, value) for epoch, value in reported]
    return {round(step): value for step, value in steps if round(step) and math.isclose(step, round(step))}


def _without_shared_values(spec: SweepSpec, varied_there: Container[str], trial: BorrowedTrial) -> BorrowedTrial:
    """Return a trial without the values that did not vary in its sweep and lie outside the space of the new one."""
    outside = {
        hyperparameter.name
        for hyperparameter in spec.space.searched_hyperparameters()
        if hyperparameter.name in trial.values
        and hyperparameter.name not in varied_there
        and not hyperparameter.contains(trial.values[hyperparameter.name])
    }
    return replace(trial, values={name: value for name, value in trial.values.items() if name not in outside})


def lends_setting(spec: SweepSpec, borrowed: BorrowedTrials) -> bool:
    """Return True if a system can begin with a setting of these trials: one of the same system that completed."""
    return any(trial.score is not None and _has_own_system(spec, trial) for trial in borrowed.trials)


def _has_own_system(spec: SweepSpec, trial: BorrowedTrial) -> bool:
    systems = range(len(spec.systems))
    return any(is_of_system(spec, system, trial) and fit_trial(spec, system, trial) for system in systems)


def is_of_system(spec: SweepSpec, system: int, trial: BorrowedTrial) -> bool:
    """Return True if a borrowed trial has the values of a system, and where its own sweep compared values, those too.

    A hyperparameter that the new sweep searches tells no systems apart.
    """
    fixed: Params = {**spec.training, **spec.systems[system]}
    searched = {hyperparameter.name for hyperparameter in spec.space.searched_hyperparameters()}
    names = (spec.systems[system].keys() | trial.system.keys()) - searched
    return all(_equals(trial.values.get(name), fixed.get(name, _default(name))) for name in names)


def _default(name: str) -> Any:
    return TrainConfig.model_fields[name].default


def _equals(a: Scalar | None, b: Scalar) -> bool:
    return a is not None and equal_values(a, b)


def fit_trial(spec: SweepSpec, system: int, trial: BorrowedTrial) -> Fit:
    """Return the part of a borrowed trial that a system searches; empty if a value lies outside the space.

    A hyperparameter that the trial did not use, such as tau with the loss ce, is absent, as in siblings' trials.
    """
    assigned: Params = {**spec.space.fixed_values, **spec.systems[system]}
    fit: dict[str, tuple[Scalar, Domain]] = {}
    for hyperparameter in spec.space.searched_hyperparameters():
        name, branch = hyperparameter.name, hyperparameter.active_branch(assigned)
        if branch is None or name not in trial.values:
            continue
        if not branch.domain.contains(trial.values[name]):
            return {}
        assigned[name] = value = branch.domain.as_listed(trial.values[name])
        if not isinstance(branch.domain, Categorical) or len(branch.domain.values) > 1:
            fit[branch.parameter] = value, branch.domain
    return fit
