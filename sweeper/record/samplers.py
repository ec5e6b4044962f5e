"""The sampler of a system's study: it uses the planned settings first, then the Optuna sampler that the sweep names.

With `sampler: tpe`, a proposal can come from the design that all systems share or from priors, and TPE can learn from
the trials of other systems. All of it follows from the record and the number of the proposal.

Each proposal gets a sampler of its own, with a seed for this proposal alone. A sampler that served several trials could
not be restored after a crash: it would repeat its first proposals.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, PartialFixedSampler
from optuna.trial import FrozenTrial, TrialState

from sweeper.record.pooled_trials import ended_trials, pool_trials
from sweeper.record.priors import draw_from_priors, prior_share, stated_values
from sweeper.record.quasi_random import quasi_random_values, shared_design_values
from sweeper.record.trial_attributes import CLONE_OF
from sweeper.search_space.domains import nearest_step
from sweeper.search_space.samplers import SAMPLERS
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar


@dataclass(frozen=True)
class _Proposal:
    """The proposal of one trial: the sampler, and the study and the trial that it gets to see.

    `borrowed` is the number of other systems' trials in that study.
    """

    number: int  # of the trial in its system's study
    sampler: BaseSampler
    study: optuna.Study
    trial: FrozenTrial
    borrowed: int = 0


class PerTrialSampler(BaseSampler):
    """The sampler that Optuna asks for a system's proposals. It also learns which settings were stopped."""

    def __init__(self, spec: SweepSpec, system: int, searches: Sequence[optuna.Study]) -> None:
        """Start from the trials that the studies of the systems, `searches`, have already."""
        self.spec, self.system, self.searches = spec, system, searches
        known = searches[system].get_trials(deepcopy=False)
        self._stopped = {_setting(trial.params) for trial in known if trial.state == TrialState.PRUNED}
        self._clones = [trial.number for trial in known if CLONE_OF in trial.user_attrs]
        self._current: _Proposal | None = None

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
        proposal = self._proposal(study, trial)
        return proposal.sampler.infer_relative_search_space(proposal.study, proposal.trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Choose the parameters that are chosen together."""
        proposal = self._proposal(study, trial)
        values = proposal.sampler.sample_relative(proposal.study, proposal.trial, search_space)
        return {name: _without_rounding_error(value, search_space[name]) for name, value in values.items()}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Choose one parameter by itself."""
        proposal = self._proposal(study, trial)
        value = proposal.sampler.sample_independent(proposal.study, proposal.trial, param_name, param_distribution)
        return _without_rounding_error(value, param_distribution)

    def borrowed(self, number: int) -> int:
        """Return the number of other systems' trials that the proposal of the study's trial `number` learned from."""
        return self._current.borrowed if self._current and self._current.number == number else 0

    def _proposal(self, study: optuna.Study, trial: FrozenTrial) -> _Proposal:
        if self._current is None or self._current.number != trial.number:
            self._current = self._make_proposal(study, trial)
        return self._current

    def _make_proposal(self, study: optuna.Study, trial: FrozenTrial) -> _Proposal:
        number = self._proposal_number(trial.number)
        sampler = _proposal_sampler(self.spec, self.system, number, study)
        is_fixed = isinstance(sampler, PartialFixedSampler)
        if is_fixed or not self.spec.tpe.borrows(number) or _is_start(self.spec, self.system, study):
            return _Proposal(trial.number, sampler, study, trial)
        siblings = [other for other in self.searches if other is not self.searches[self.system]]
        pool, pooled = pool_trials(study, siblings, trial.number)
        borrowed = sum(len(ended_trials(other)) for other in siblings)
        return _Proposal(trial.number, sampler, pool, pooled, borrowed)


def build_sampler(name: str, seed: int, **options: object) -> BaseSampler:
    """Build the Optuna sampler of a registered name. `options` replace those of the registry."""
    sampler_entry = SAMPLERS[name]
    logging.getLogger("optuna._gp").setLevel(logging.ERROR)  # it warns that an optional package is missing
    options = {**sampler_entry.options, **options}
    sampler: BaseSampler = getattr(optuna.samplers, sampler_entry.optuna_class)(seed=seed, **options)
    return sampler


def _count_start_trials(spec: SweepSpec, system: int) -> int:
    return spec.tpe.count_start_trials(spec.trial_budget(system))


def _is_start(spec: SweepSpec, system: int, study: optuna.Study) -> bool:
    """Return True while too few trials of a system have ended for TPE to learn from them."""
    return len(ended_trials(study)) < _count_start_trials(spec, system)


def _proposal_sampler(spec: SweepSpec, system: int, number: int, study: optuna.Study) -> BaseSampler:
    """Build the sampler of a system's proposal `number` (from 0, skipped proposals counted)."""
    takes_settings = SAMPLERS[spec.sampler].takes_tpe_settings
    options = {"n_startup_trials": _count_start_trials(spec, system)} if takes_settings else {}
    base = build_sampler(spec.sampler, spec.derive_seed("sampler", spec.system_name(system), number), **options)
    planned = _planned_setting(spec, system, number)
    if planned is None:
        fixed = {**_design_values(spec, system, number, study), **_prior_values(spec, system, number, study)}
        return PartialFixedSampler(fixed, base) if fixed else base
    hyperparameters = {hyperparameter.name: hyperparameter for hyperparameter in spec.space.searched_hyperparameters()}
    fixed = {
        branch.parameter: branch.domain.as_listed(value)
        for name, value in planned.items()
        for branch in hyperparameters[name].branches
        if branch.domain.contains(value)
    }
    return PartialFixedSampler(fixed, base)


def _design_values(spec: SweepSpec, system: int, number: int, study: optuna.Study) -> dict[str, Scalar]:
    """Return the values that a quasi-random design has for a proposal. The first point is after the planned settings.

    A shared design is used until enough trials of the system have ended.
    """
    index = number - len(spec.initial_settings(system))
    if SAMPLERS[spec.sampler].is_quasi_random:
        return quasi_random_values(spec, system, index)
    if spec.tpe.start == "quasi_random" and _is_start(spec, system, study):
        return shared_design_values(spec, system, index, _count_start_trials(spec, system))
    return {}


def _prior_values(spec: SweepSpec, system: int, number: int, study: optuna.Study) -> dict[str, Scalar]:
    """Return the values that priors give a proposal: the stated ones first, then some near them in a falling share.

    A shared design keeps its points, save for the first.
    """
    stated = stated_values(spec)
    if not stated:
        return {}
    if number == len(spec.initial_settings(system)):
        return stated
    if spec.tpe.start == "quasi_random" and _is_start(spec, system, study):
        return {}
    random = np.random.default_rng(spec.derive_seed("prior", spec.system_name(system), number))
    return draw_from_priors(spec, random) if random.random() < prior_share(spec, ended_trials(study)) else {}


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
