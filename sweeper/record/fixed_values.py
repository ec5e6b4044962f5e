"""The values that a proposal has before the sampler chooses the rest: planned settings, designs and priors."""

from collections.abc import Mapping

import numpy as np

from sweeper.record.priors import draw_from_priors, prior_share, stated_values
from sweeper.record.quasi_random import quasi_random_values, shared_design_values
from sweeper.record.system_history import SystemHistory
from sweeper.search_space.samplers import SAMPLERS
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar


def fixed_values(history: SystemHistory, number: int, trial_number: int) -> dict[str, Scalar]:
    """Return the values of a system's proposal `number` (from 0) by parameter; empty where the sampler chooses all.

    `trial_number` is the number of its trial in the system's study.
    """
    if not is_planned(history, number):
        return {**_design_values(history, number), **_prior_values(history, number, trial_number)}
    settings, index = history.spec.initial_settings(history.system), _plan_index(history, number)
    if index < len(settings):
        return _by_parameter(history.spec, settings[index])
    return dict(history.best_earlier[index - len(settings)])


def is_planned(history: SystemHistory, number: int) -> bool:
    """Return True if a system's proposal `number` must have a certain setting.

    These are the settings of `start_with`, and then the best ones in earlier sweeps.
    """
    return _plan_index(history, number) < _count_planned(history)


def _plan_index(history: SystemHistory, number: int) -> int:
    """Return the place of a proposal in the plan, which an exhaustive sampler goes through with each budget again."""
    spec = history.spec
    return number % max(1, spec.trial_budget(history.system)) if spec.is_exhaustive else number


def _by_parameter(spec: SweepSpec, setting: Mapping[str, Scalar]) -> dict[str, Scalar]:
    hyperparameters = {hyperparameter.name: hyperparameter for hyperparameter in spec.space.searched_hyperparameters()}
    return {
        branch.parameter: branch.domain.as_listed(value)
        for name, value in setting.items()
        for branch in hyperparameters[name].branches
        if branch.domain.contains(value)
    }


def _count_planned(history: SystemHistory) -> int:
    return len(history.spec.initial_settings(history.system)) + len(history.best_earlier)


def _design_values(history: SystemHistory, number: int) -> dict[str, Scalar]:
    """Return the values that a quasi-random design has for a proposal. The first point is after the planned settings.

    A shared design is used until enough trials of the system have ended.
    """
    spec, system = history.spec, history.system
    index = number - _count_planned(history)
    if SAMPLERS[spec.sampler].is_quasi_random:
        return quasi_random_values(spec, system, index)
    if spec.tpe.start == "quasi_random" and history.is_start():
        return shared_design_values(spec, system, index, history.num_start_trials)
    return {}


def _prior_values(history: SystemHistory, number: int, trial_number: int) -> dict[str, Scalar]:
    """Return the values that priors give a proposal: in a falling share, first the stated ones, then some near them.

    A shared design keeps its points, save perhaps for the first.
    """
    spec = history.spec
    stated = stated_values(spec)
    if not stated:
        return {}
    is_first = number == _count_planned(history)
    if not is_first and spec.tpe.start == "quasi_random" and history.is_start():
        return {}
    random = np.random.default_rng(spec.derive_seed("prior", spec.system_name(history.system), number))
    if random.random() >= prior_share(spec, history.evidence(), history.count()):
        return {}
    return draw_from_priors(spec, random) if history.has_tried(stated, trial_number) else stated
