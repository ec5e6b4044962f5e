"""The params of a trial: suggested by Optuna, or read back from the record.

A hyperparameter that is inactive is absent from the params. One with a single value is never asked of Optuna.
"""

from collections.abc import Callable
from typing import cast

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sweeper.search_space.domains import Categorical, Domain, Float
from sweeper.search_space.space import Params
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar


def suggest_params(spec: SweepSpec, system: int, trial: optuna.trial.Trial) -> Params:
    """Let the trial's sampler choose its params. A parameter that is already chosen keeps its value."""
    return resolve_params(spec, system, lambda parameter, domain: _suggest(trial, parameter, domain))


def resolve_params(spec: SweepSpec, system: int, value_of: Callable[[str, Domain], Scalar]) -> Params:
    """Return the system's params, and for each active hyperparameter `value_of(parameter, domain)`."""
    space, params = spec.space, dict(spec.systems[system])
    for hyperparameter in space.searched_hyperparameters():
        branch = hyperparameter.active_branch({**space.fixed_values, **params})
        if branch is not None:
            domain = branch.domain
            only = domain.values if isinstance(domain, Categorical) and len(domain.values) == 1 else None
            params[hyperparameter.name] = only[0] if only else value_of(branch.parameter, domain)
    return params


def _suggest(trial: optuna.trial.Trial, parameter: str, domain: Domain) -> Scalar:
    if isinstance(domain, Categorical):
        return cast("Scalar", trial.suggest_categorical(parameter, domain.values))
    if isinstance(domain, Float):
        return trial.suggest_float(parameter, domain.low, domain.high, log=domain.log, step=domain.step)
    return trial.suggest_int(parameter, domain.low, domain.high, step=domain.step, log=domain.log)


def to_distribution(domain: Domain) -> BaseDistribution:
    """Return a domain as Optuna has it."""
    if isinstance(domain, Categorical):
        return CategoricalDistribution(domain.values)
    if isinstance(domain, Float):
        return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
    return IntDistribution(domain.low, domain.high, step=domain.step, log=domain.log)


def chosen_parameters(
    spec: SweepSpec, system: int, setting: Params
) -> tuple[dict[str, Scalar], dict[str, BaseDistribution]]:
    """Return Optuna's parameters of a complete setting, by their names in the record: values and distributions."""
    names = {
        branch.parameter: hyperparameter.name
        for hyperparameter in spec.space.searched_hyperparameters()
        for branch in hyperparameter.branches
    }
    values: dict[str, Scalar] = {}
    distributions: dict[str, BaseDistribution] = {}

    def note(parameter: str, domain: Domain) -> Scalar:
        values[parameter], distributions[parameter] = setting[names[parameter]], to_distribution(domain)
        return values[parameter]

    resolve_params(spec, system, note)
    return values, distributions
