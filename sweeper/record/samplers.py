"""The sampler of a system's study: it uses the planned settings first, then the Optuna sampler that the sweep names.

With `sampler: tpe`, a proposal can come from the design that all systems share or from priors, and TPE can learn from
the trials of other systems and of earlier sweeps. All of it follows from the record, the borrowed trials in sweep.json
and the number of the proposal.

Each proposal gets a sampler of its own, with a seed for this proposal alone. A sampler that served several trials could
not be restored after a crash: it would repeat its first proposals.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, PartialFixedSampler
from optuna.trial import FrozenTrial, TrialState

from sweeper.record.fixed_values import fixed_values, is_planned
from sweeper.record.pooled_trials import pool_trials
from sweeper.record.system_history import SystemHistory
from sweeper.record.trial_attributes import CLONE_OF, RACE_OF
from sweeper.search_space.domains import nearest_step
from sweeper.search_space.samplers import SAMPLERS
from sweeper.training.config import Scalar


@dataclass(frozen=True)
class _Proposal:
    """The proposal of one trial: the sampler, and the study and the trial that it gets to see.

    `borrowed` is the number of trials in that study that are of other systems or of earlier sweeps.
    """

    number: int  # of the trial in its system's study
    sampler: BaseSampler
    study: optuna.Study
    trial: FrozenTrial
    borrowed: int = 0


class PerTrialSampler(BaseSampler):
    """The sampler that Optuna asks for a system's proposals. It also learns which settings were stopped."""

    def __init__(self, history: SystemHistory) -> None:
        """Start from the trials that the study of the system has already."""
        self.history = history
        known = history.study.get_trials(deepcopy=False)
        ended = (trial for trial in known if "outcome" in trial.user_attrs)  # one that waits at a rung looks stopped
        self._stopped = {_setting(trial.params) for trial in ended if trial.state == TrialState.PRUNED}
        self._chosen = [trial.number for trial in known if trial.user_attrs.keys() & {CLONE_OF, RACE_OF}]
        self._current: _Proposal | None = None

    def note_chosen(self, number: int) -> None:
        """Note that a user or a race chose the setting of the study's trial `number`. It takes no proposal's place."""
        self._chosen.append(number)

    def _proposal_number(self, number: int) -> int:
        """Return the number of a trial among the proposals, from 0: chosen settings do not count."""
        return number - sum(chosen < number for chosen in self._chosen)

    def repeats_stopped(self, trial: optuna.trial.Trial) -> bool:
        """Return True if a proposal, other than a planned one, repeats a setting that was stopped before."""
        number = self._proposal_number(trial.number)
        return not is_planned(self.history, number) and _setting(trial.params) in self._stopped

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
        """Choose the parameters that are chosen together.

        A proposal that was cut off has some params already. Those that were chosen by themselves are drawn once more
        and dropped, so that the sampler's random numbers go on where they were.
        """
        proposal = self._proposal(study, trial)
        values = proposal.sampler.sample_relative(proposal.study, proposal.trial, search_space)
        for name in (name for name in trial.params if name not in values):
            self.sample_independent(study, trial, name, trial.distributions[name])
        return {name: _without_rounding_error(value, search_space[name]) for name, value in values.items()}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Choose one parameter by itself."""
        proposal = self._proposal(study, trial)
        value = proposal.sampler.sample_independent(proposal.study, proposal.trial, param_name, param_distribution)
        return _without_rounding_error(value, param_distribution)

    def borrowed(self, number: int) -> int:
        """Return the number of borrowed trials that the proposal of the study's trial `number` learned from."""
        study = self.history.study  # a proposal that was cut off after its last param did not ask the sampler again
        return self._proposal(study, study.get_trials(deepcopy=False)[number]).borrowed

    def _proposal(self, study: optuna.Study, trial: FrozenTrial) -> _Proposal:
        if self._current is None or self._current.number != trial.number:
            self._current = self._make_proposal(study, trial)
        return self._current

    def _make_proposal(self, study: optuna.Study, trial: FrozenTrial) -> _Proposal:
        number = self._proposal_number(trial.number)
        sampler = _proposal_sampler(self.history, number, trial.number)
        lent = () if isinstance(sampler, PartialFixedSampler) else self.history.lent_to(number)
        if not lent:
            return _Proposal(trial.number, sampler, study, trial)
        pool, pooled = pool_trials(study, lent, trial.number)
        return _Proposal(trial.number, sampler, pool, pooled, sum(map(len, lent)))


def build_sampler(name: str, seed: int, **options: object) -> BaseSampler:
    """Build the Optuna sampler of a registered name. `options` replace those of the registry."""
    sampler_entry = SAMPLERS[name]
    logging.getLogger("optuna._gp").setLevel(logging.ERROR)  # it warns that an optional package is missing
    options = {**sampler_entry.options, **options}
    sampler: BaseSampler = getattr(optuna.samplers, sampler_entry.optuna_class)(seed=seed, **options)
    return sampler


def _proposal_sampler(history: SystemHistory, number: int, trial_number: int) -> BaseSampler:
    """Build the sampler of a system's proposal `number` (from 0, skipped proposals counted)."""
    spec = history.spec
    takes_settings = SAMPLERS[spec.sampler].takes_tpe_settings
    options = {"n_startup_trials": history.num_start_trials} if takes_settings else {}
    seed = spec.derive_seed("sampler", spec.system_name(history.system), number)
    base = build_sampler(spec.sampler, seed, **options)
    fixed = fixed_values(history, number, trial_number)
    return PartialFixedSampler(fixed, base) if fixed or is_planned(history, number) else base


def _without_rounding_error(value: Any, distribution: BaseDistribution) -> Any:
    """Return a value of a range in steps as a decimal number: 0.3, where Optuna computes 0.30000000000000004."""
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        return nearest_step(value, distribution.low, distribution.step)
    return value


def _setting(params: Mapping[str, Scalar]) -> frozenset[tuple[str, Scalar]]:
    return frozenset(params.items())
