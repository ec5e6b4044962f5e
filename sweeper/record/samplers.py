"""The sampler of a system's study: it uses the planned settings first, then the Optuna sampler that the sweep names.

Each proposal gets a sampler of its own, with a seed for this proposal alone. A sampler that served several trials could
not be restored after a crash: it would repeat its first proposals.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, PartialFixedSampler
from optuna.trial import FrozenTrial, TrialState

from sweeper.record.quasi_random import quasi_random_values
from sweeper.record.trial_attributes import CLONE_OF
from sweeper.search_space.domains import nearest_step
from sweeper.search_space.samplers import SAMPLERS
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar


class PerTrialSampler(BaseSampler):
    """The sampler that Optuna asks for a system's proposals. It also learns which settings were stopped."""

    def __init__(self, spec: SweepSpec, system: int, known: Iterable[FrozenTrial]) -> None:
        """Start from the trials `known` that the study has already."""
        self.spec, self.system = spec, system
        known = list(known)
        self._stopped = {_setting(trial.params) for trial in known if trial.state == TrialState.PRUNED}
        self._clones = [trial.number for trial in known if CLONE_OF in trial.user_attrs]
        self._current: tuple[int, BaseSampler] | None = None  # a trial's number in the study, and its sampler

    def note_clone(self, number: int) -> None:
        """Note that a user chose the setting of the study's trial `number`. It takes no proposal's place."""
        self._clones.append(number)

    def _proposal_number(self, number: int) -> int:
        """Return the number of a trial among the proposals, from 0: clones do not count."""
        return number - sum(clone < number for clone in self._clones)

    def repeats_stopped(self, trial: optuna.trial.Trial) -> bool:
        """Return True if a proposal, other than a planned one, repeats a setting that was stopped before."""
        number = self._proposal_number(trial.number)
        is_planned = _planned_setting(self.spec, self.system, number) is not None
        return not is_planned and _setting(trial.params) in self._stopped

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Remember a setting that was stopped."""
        if state == TrialState.PRUNED:
            self._stopped.add(_setting(trial.params))

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters that are chosen together."""
        return self._sampler_of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Choose the parameters that are chosen together."""
        values = self._sampler_of(trial).sample_relative(study, trial, search_space)
        return {name: _without_rounding_error(value, search_space[name]) for name, value in values.items()}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Choose one parameter by itself."""
        value = self._sampler_of(trial).sample_independent(study, trial, param_name, param_distribution)
        return _without_rounding_error(value, param_distribution)

    def _sampler_of(self, trial: FrozenTrial) -> BaseSampler:
        if self._current is None or self._current[0] != trial.number:
            number = self._proposal_number(trial.number)
            self._current = trial.number, _proposal_sampler(self.spec, self.system, number)
        return self._current[1]


def build_sampler(name: str, seed: int) -> BaseSampler:
    """Build the Optuna sampler of a registered name."""
    sampler_entry = SAMPLERS[name]
    logging.getLogger("optuna._gp").setLevel(logging.ERROR)  # it warns that an optional package is missing
    sampler: BaseSampler = getattr(optuna.samplers, sampler_entry.optuna_class)(seed=seed, **sampler_entry.options)
    return sampler


def _proposal_sampler(spec: SweepSpec, system: int, number: int) -> BaseSampler:
    """Build the sampler of a system's proposal `number` (from 0, skipped proposals counted)."""
    base = build_sampler(spec.sampler, spec.derive_seed("sampler", spec.system_name(system), number))
    planned = _planned_setting(spec, system, number)
    if planned is None:
        return _with_design(spec, system, number, base)
    hyperparameters = {hyperparameter.name: hyperparameter for hyperparameter in spec.space.searched_hyperparameters()}
    fixed = {
        branch.parameter: branch.domain.as_listed(value)
        for name, value in planned.items()
        for branch in hyperparameters[name].branches
        if branch.domain.contains(value)
    }
    return PartialFixedSampler(fixed, base)


def _with_design(spec: SweepSpec, system: int, number: int, base: BaseSampler) -> BaseSampler:
    """Let a quasi-random sampler use its point for this proposal. The first point comes after the planned settings."""
    if not SAMPLERS[spec.sampler].is_quasi_random:
        return base
    values = quasi_random_values(spec, system, number - len(spec.initial_settings(system)))
    return PartialFixedSampler(values, base)


def _without_rounding_error(value: Any, distribution: BaseDistribution) -> Any:
    """Return a value of a range in steps as a decimal number: 0.3, where Optuna computes 0.30000000000000004."""
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        return nearest_step(value, distribution.low, distribution.step)
    return value


def _planned_setting(spec: SweepSpec, system: int, number: int) -> Mapping[str, Scalar] | None:
    """Return the setting that a system's proposal `number` must have, or None.

    An exhaustive sampler goes through the same settings again if the whole budget is spent again.
    """
    planned = spec.initial_settings(system)
    if spec.is_exhaustive:
        number %= max(1, spec.trial_budget(system))
    return planned[number] if number < len(planned) else None


def _setting(params: Mapping[str, Scalar]) -> frozenset[tuple[str, Scalar]]:
    return frozenset(params.items())
