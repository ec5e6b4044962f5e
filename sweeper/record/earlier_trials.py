"""The trials borrowed from earlier sweeps, as Optuna's trials in the space of the new sweep."""

from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeper.protocol.borrowing import Fit, fit_trial, is_of_system
from sweeper.record.parameters import to_distribution
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.borrowed import BorrowedTrial, BorrowedTrials

Groups = Sequence[Sequence[FrozenTrial]]
"""Ended trials by sweep and system. Scores are compared within a group only."""


@dataclass(frozen=True)
class EarlierTrials:
    """The trials of earlier sweeps that a system can learn from: those of the same system, and those of other ones."""

    same_system: Groups = ()
    other_systems: Groups = ()


def earlier_trials(spec: SweepSpec, system: int, borrowed: Sequence[BorrowedTrials]) -> EarlierTrials:
    """Return the borrowed trials that lie in the space of a system. They follow from the arguments alone."""
    same: dict[object, list[FrozenTrial]] = {}
    other: dict[object, list[FrozenTrial]] = {}
    for index, source in enumerate(borrowed):
        for trial in source.trials:
            fit = fit_trial(spec, system, trial)
            if fit:
                groups = same if is_of_system(spec, system, trial) else other
                groups.setdefault((index, *sorted(trial.system.items())), []).append(_frozen(trial, fit))
    return EarlierTrials(list(same.values()), list(other.values()))


def _frozen(trial: BorrowedTrial, fit: Fit) -> FrozenTrial:
    """Return a borrowed trial as the sampler would have been told of it here: pruned if it did not complete."""
    return optuna.trial.create_trial(
        state=TrialState.PRUNED if trial.score is None else TrialState.COMPLETE,
        value=trial.score,
        params={parameter: value for parameter, (value, _) in fit.items()},
        distributions={parameter: to_distribution(domain) for parameter, (_, domain) in fit.items()},
        intermediate_values=dict(trial.reports),
    )
