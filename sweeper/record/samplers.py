"""Which setting a cell tries next: what is planned for it first, then Optuna's sampler.

Each proposal has a sampler of its own, seeded for it alone. A sampler that is kept over trials cannot be reopened
after a crash: it would repeat its first proposals.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, PartialFixedSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from sweeper.search_space.space import Categorical, Domain, Float, Params
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar


class PerTrialSampler(BaseSampler):
    """What Optuna asks for a cell's proposals, and hears of their ends: it knows which settings were stopped."""

    def __init__(self, spec: SweepSpec, system: int, known: Iterable[FrozenTrial]) -> None:
        """For a study that has the trials `known`."""
        self.spec, self.system = spec, system
        self._stopped = {_setting(trial.params) for trial in known if trial.state == TrialState.PRUNED}
        self._seeded: tuple[int, BaseSampler] | None = None

    def repeats_stopped(self, trial: optuna.trial.Trial) -> bool:
        """Whether a proposal, which is not a planned one, is a setting that was stopped before."""
        planned = trial.number < len(self.spec.initial_settings(self.system))
        return not planned and _setting(trial.params) in self._stopped

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Take note of a trial that was stopped."""
        if state == TrialState.PRUNED:
            self._stopped.add(_setting(trial.params))

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """The parameters that are chosen together."""
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Choose the parameters that are chosen together."""
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Choose a parameter that is chosen for itself."""
        return self._of(trial).sample_independent(study, trial, param_name, param_distribution)

    def _of(self, trial: FrozenTrial) -> BaseSampler:
        if self._seeded is None or self._seeded[0] != trial.number:
            self._seeded = trial.number, _seeded(self.spec, self.system, trial.number)
        return self._seeded[1]


def _setting(params: Mapping[str, Scalar]) -> frozenset[tuple[str, Scalar]]:
    return frozenset(params.items())


def _seeded(spec: SweepSpec, system: int, number: int) -> BaseSampler:
    """The sampler of a cell's proposal `number` (from 0, skipped ones counted)."""
    seed = spec.derive_seed("sampler", spec.system_name(system), number)
    if spec.sampler == "tpe":
        base: BaseSampler = TPESampler(seed=seed, multivariate=True, group=True, constant_liar=True)
    else:
        base = RandomSampler(seed=seed)
    planned = spec.initial_settings(system)
    if number >= len(planned):
        return base
    hyperparameters = {hyperparameter.name: hyperparameter for hyperparameter in spec.space.searched_hyperparameters()}
    fixed = {
        branch.parameter: _typed(value, branch.domain)
        for name, value in planned[number].items()
        for branch in hyperparameters[name].branches
        if branch.domain.contains(value)
    }
    return PartialFixedSampler(fixed, base)


def suggest_params(spec: SweepSpec, system: int, trial: optuna.trial.Trial) -> Params:
    """Let the trial's sampler choose; what it has chosen before stays."""
    return resolve_params(spec, system, lambda parameter, domain: _suggested(trial, parameter, domain))


def resolve_params(spec: SweepSpec, system: int, value: Callable[[str, Domain], Scalar]) -> Params:
    """The params of a trial: the cell's, and for each active knob `value(parameter, domain)`."""
    space, params = spec.space, dict(spec.systems[system])
    for hyperparameter in space.searched_hyperparameters():
        branch = hyperparameter.active_branch({**space.fixed_values, **params})
        if branch is not None:
            domain = branch.domain
            single = domain.values if isinstance(domain, Categorical) and len(domain.values) == 1 else None
            params[hyperparameter.name] = single[0] if single else value(branch.parameter, domain)
    return params


def _suggested(trial: optuna.trial.Trial, parameter: str, domain: Domain) -> Scalar:
    if isinstance(domain, Categorical):
        return cast("Scalar", trial.suggest_categorical(parameter, domain.values))
    if isinstance(domain, Float):
        return trial.suggest_float(parameter, domain.low, domain.high, log=domain.log, step=domain.step)
    return trial.suggest_int(parameter, domain.low, domain.high, step=domain.step)


def _typed(value: Scalar, domain: Domain) -> Scalar:
    return float(value) if isinstance(domain, Float) else value
