"""Which setting a cell tries next: what is planned for it first, then Optuna's sampler.

Each proposal has a sampler of its own, seeded for it alone. A sampler that is kept over trials cannot be reopened
after a crash: it would repeat its first proposals.
"""

from collections.abc import Callable
from typing import cast

import optuna
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler

from sweeper.config import Scalar
from sweeper.space import Choice, Domain, Float, Params
from sweeper.spec import SweepSpec


def sampler(spec: SweepSpec, cell: int, number: int) -> BaseSampler:
    """The sampler of a cell's proposal `number` (from 0, skipped ones counted)."""
    seed = spec.seed_of("sampler", spec.cell_name(cell), number)
    if spec.sampler == "tpe":
        base: BaseSampler = TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
    else:
        base = RandomSampler(seed=seed)
    planned = spec.planned(cell)
    if number >= len(planned):
        return base
    knobs = {knob.name: knob for knob in spec.space.searched()}
    fixed = {
        branch.parameter: _typed(value, branch.domain)
        for name, value in planned[number].items()
        for branch in knobs[name].branches
        if branch.domain.contains(value)
    }
    return PartialFixedSampler(fixed, base)


def suggest(spec: SweepSpec, cell: int, trial: optuna.trial.Trial) -> Params:
    """Let the trial's sampler choose; what it has chosen before stays."""
    return walk(spec, cell, lambda parameter, domain: _suggested(trial, parameter, domain))


def walk(spec: SweepSpec, cell: int, value: Callable[[str, Domain], Scalar]) -> Params:
    """The params of a trial: the cell's, and for each active knob `value(parameter, domain)`."""
    space, params = spec.space, dict(spec.cells[cell])
    for knob in space.searched():
        branch = knob.branch({**space.base, **params})
        if branch is not None:
            domain = branch.domain
            single = domain.values if isinstance(domain, Choice) and len(domain.values) == 1 else None
            params[knob.name] = single[0] if single else value(branch.parameter, domain)
    return params


def _suggested(trial: optuna.trial.Trial, parameter: str, domain: Domain) -> Scalar:
    if isinstance(domain, Choice):
        return cast("Scalar", trial.suggest_categorical(parameter, domain.values))
    if isinstance(domain, Float):
        return trial.suggest_float(parameter, domain.low, domain.high, log=domain.log, step=domain.step)
    return trial.suggest_int(parameter, domain.low, domain.high, step=domain.step)


def _typed(value: Scalar, domain: Domain) -> Scalar:
    return float(value) if isinstance(domain, Float) else value
