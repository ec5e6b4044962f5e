"""Proposals from priors: the values near which the user expects the best setting.

A prior is a bell around the stated value. It counts for less with every trial that ends, and soon for nothing where the
best trials lie farther from it than the others (in the spirit of PriorBand, Mallik et al., NeurIPS 2023).
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from sweeper.search_space.domains import Categorical, Domain
from sweeper.search_space.space import ConditionalDomain
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar

_WIDTH = 0.2  # standard deviation of the bell, as a share of the range
_LIST_SHARE = 0.5  # probability of the stated value of a list; the others have the rest
_ODDS = 1 / 3  # of a proposal from the priors, without evidence
_HALVED_BY = 4  # ended trials after which the share of proposals has halved
_BEST = 3  # one in so many completed trials is evidence


def stated_values(spec: SweepSpec) -> dict[str, Scalar]:
    """Return the stated values, by parameter."""
    return {branch.parameter: branch.prior for branch in _branches(spec) if branch.prior is not None}


def draw_from_priors(spec: SweepSpec, random: np.random.Generator) -> dict[str, Scalar]:
    """Return a value near each stated one, by parameter."""
    return {
        branch.parameter: _draw(branch.domain, branch.prior, random)
        for branch in _branches(spec)
        if branch.prior is not None
    }


def prior_share(spec: SweepSpec, evidence: Sequence[Sequence[FrozenTrial]], ended: int) -> float:
    """Return the share of a system's proposals that come from the priors, after `ended` trials of the system.

    It is 1/4 without evidence, and falls with the number of trials. The evidence are ended trials, a group for each
    system: the density of the priors at the best of each group against that at the others. So priors get no credit for
    trials that were drawn from them, unless these are better than the others.
    """
    best: list[float] = []
    others: list[float] = []
    for trials in evidence:
        completed = [trial for trial in trials if trial.state == TrialState.COMPLETE and trial.value is not None]
        completed.sort(key=lambda trial: -spec.objective.sign * float(trial.value or 0))
        completed_densities = [_relative_density(spec, trial.params) for trial in completed]
        num_best = math.ceil(len(completed) / _BEST)
        best += completed_densities[:num_best]
        others += completed_densities[num_best:]
        others += [_relative_density(spec, trial.params) for trial in trials if trial.state == TrialState.PRUNED]
    at_best, elsewhere = (np.mean(best), np.mean(others)) if best and others else (1.0, 1.0)
    total = _ODDS * at_best + elsewhere
    share = _ODDS * at_best / total if total > 0 else 0.0
    return float(share * _HALVED_BY / (_HALVED_BY + ended))


def _branches(spec: SweepSpec) -> list[ConditionalDomain]:
    return [branch for other in spec.space.searched_hyperparameters() for branch in other.branches]


def _draw(domain: Domain, prior: Scalar, random: np.random.Generator) -> Scalar:
    if isinstance(domain, Categorical):
        others = [value for value in domain.values if value is not prior]
        is_prior = not others or random.random() < _LIST_SHARE
        return prior if is_prior else others[int(random.integers(len(others)))]
    center = _fraction(domain, prior)
    while not 0 <= (fraction := random.normal(center, _WIDTH)) < 1:
        pass
    return domain.value_at(fraction)


def _relative_density(spec: SweepSpec, params: Mapping[str, Scalar]) -> float:
    """Return the density of a setting under the priors, divided by that under uniform draws."""
    factors = [
        _factor(branch.domain, branch.prior, params[branch.parameter])
        for branch in _branches(spec)
        if branch.prior is not None and branch.parameter in params
    ]
    return math.prod(factors)


def _factor(domain: Domain, prior: Scalar, value: Scalar) -> float:
    if isinstance(domain, Categorical):
        count = len(domain.values)
        if count == 1:
            return 1.0
        return count * (_LIST_SHARE if value == prior else (1 - _LIST_SHARE) / (count - 1))
    center = _fraction(domain, prior)
    distance = (_fraction(domain, value) - center) / _WIDTH
    inside = _normal_cdf((1 - center) / _WIDTH) - _normal_cdf(-center / _WIDTH)
    return math.exp(-(distance**2) / 2) / (math.sqrt(2 * math.pi) * _WIDTH * inside)


def _fraction(domain: Domain, value: Scalar) -> float:
    """Return where a value lies in its range, or in the logarithm of it: from 0 to 1."""
    assert not isinstance(domain, Categorical)
    low, high, at = float(domain.low), float(domain.high), float(value)
    if domain.log:
        low, high, at = math.log(low), math.log(high), math.log(at)
    return (at - low) / (high - low)


def _normal_cdf(z: float) -> float:
    return (1 + math.erf(z / math.sqrt(2))) / 2
