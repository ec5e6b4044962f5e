"""Trials of several systems and sweeps in one study, for a proposal that learns from all of them.

The scores of each system in each sweep are standardised by themselves: what counts is how far a trial is above the mean
there.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import optuna
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial, TrialState

_ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


def ended_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials of a study that a sampler learns from."""
    return study.get_trials(deepcopy=False, states=_ENDED)


def pool_trials(
    study: optuna.Study, lent: Sequence[Sequence[FrozenTrial]], number: int
) -> tuple[optuna.Study, FrozenTrial]:
    """Return a study in memory with the trials of `study` and the ended ones of each group in `lent`, and its trial.

    That trial stands for the trial `number` of `study`, which is about to be proposed. The other running trials of
    `study` are in the pool as well.
    """
    pool = optuna.create_study(direction=study.direction, sampler=RandomSampler(seed=0))
    pool.add_trials(_standardize(ended_trials(study)))
    for group in lent:
        pool.add_trials(_standardize(group))
    for running in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if running.number != number:
            pool.add_trial(_copy(running, None, running.intermediate_values))
    current = pool.ask()
    return pool, pool.get_trials(deepcopy=False)[current.number]


def _standardize(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return copies of a system's trials. Values have mean 0 and standard deviation 1, reports those at each step."""
    value_scale = _Scale([trial.value for trial in trials if trial.value is not None])
    by_step: dict[int, list[float]] = {}
    for trial in trials:
        for step, value in trial.intermediate_values.items():
            by_step.setdefault(step, []).append(value)
    step_scales = {step: _Scale(values) for step, values in by_step.items()}
    return [
        _copy(
            trial,
            None if trial.value is None else value_scale.apply(trial.value),
            {step: step_scales[step].apply(value) for step, value in trial.intermediate_values.items()},
        )
        for trial in trials
    ]


class _Scale:
    """The mean and the standard deviation of some values. Those that are not finite do not count."""

    def __init__(self, values: Sequence[float]) -> None:
        finite = [value for value in values if np.isfinite(value)]
        self.mean = float(np.mean(finite)) if finite else 0.0
        self.deviation = float(np.std(finite)) if finite else 0.0

    def apply(self, value: float) -> float:
        """Return a value as its distance from the mean, in standard deviations; 0 where all values are the same."""
        if not np.isfinite(value):
            return value
        return (value - self.mean) / self.deviation if self.deviation > 0 else 0.0


def _copy(trial: FrozenTrial, value: float | None, intermediate_values: Mapping[int, float]) -> FrozenTrial:
    """Return what a sampler reads of a trial, with other values."""
    return optuna.trial.create_trial(
        state=trial.state,
        value=value,
        params=trial.params,
        distributions=trial.distributions,
        intermediate_values=dict(intermediate_values),
    )
