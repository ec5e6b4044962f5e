"""The params of a trial: suggested by Optuna, or read back from the record.

A hyperparameter that is inactive is absent from the params. One with a single value is never asked of Optuna.
"""

from collections.abc import Callable
from typing import cast

import optuna

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
