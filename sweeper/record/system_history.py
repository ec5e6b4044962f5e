"""The ended trials that a system's proposals can learn from: its own, its siblings', and those of earlier sweeps."""

from collections.abc import Mapping, Sequence

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeper.protocol.ranking import TrialScore, rank_settings
from sweeper.record.earlier_trials import Groups, earlier_trials
from sweeper.record.pooled_trials import ended_trials
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from sweeper.trials.borrowed import BorrowedTrials
from sweeper.trials.outcome import Outcome


class SystemHistory:
    """The trials behind a system's proposals. All of it follows from the record and the borrowed trials."""

    def __init__(
        self, spec: SweepSpec, system: int, searches: Sequence[optuna.Study], borrowed: Sequence[BorrowedTrials] = ()
    ) -> None:
        """Take the studies of all systems, and the trials that the sweep borrows from earlier sweeps."""
        self.spec, self.system, self.study = spec, system, searches[system]
        self._siblings = [study for study in searches if study is not self.study]
        self._earlier = earlier_trials(spec, system, borrowed)
        self.best_earlier = self._find_best_earlier()

    def _find_best_earlier(self) -> list[Mapping[str, Scalar]]:
        """Return the best setting of the system in each earlier sweep, by parameter, in the order of `learn_from`.

        A setting that ran several times counts with its mean, shrunk as for racing. There are at most as many settings
        as half of the system's share of the trials, rounded up.
        """
        best: list[Mapping[str, Scalar]] = []
        for trials in self._earlier.same_system:
            scores = [_score(trial, self.system) for trial in trials if trial.state == TrialState.COMPLETE]
            ranked = rank_settings(scores, self.system, self.spec.objective.sign, shrinks=True)
            if ranked and ranked[0].trial.params not in best:
                best.append(ranked[0].trial.params)
        return best[: -(-self.spec.trial_budget(self.system) // 2)]

    @property
    def num_start_trials(self) -> int:
        """The number of trials that have to end, or wait at a rung, before TPE learns from them."""
        return self.spec.tpe.count_start_trials(self.spec.trial_budget(self.system))

    def count(self) -> int:
        """Return the number of ended trials of the system, those in earlier sweeps included."""
        return len(ended_trials(self.study)) + sum(map(len, self._earlier.same_system))

    def is_start(self) -> bool:
        """Return True while too few trials of the system have ended for TPE to learn from them."""
        return self.count() < self.num_start_trials

    def lent_to(self, number: int) -> Groups:
        """Return the trials that proposal `number` (from 0) learns from beside those of the system in this sweep.

        They are those of the same system in earlier sweeps, and where the proposal learns from siblings, also theirs
        and those of other systems in earlier sweeps.
        """
        borrows = self.spec.tpe.borrows(number)
        if not (borrows or self._earlier.same_system) or self.is_start():
            return ()
        others = [*map(ended_trials, self._siblings), *self._earlier.other_systems] if borrows else []
        return [group for group in (*self._earlier.same_system, *others) if group]

    def evidence(self) -> Groups:
        """Return the trials that tell if a prior is right: those of all systems, and of this one in earlier sweeps."""
        return [*map(ended_trials, (self.study, *self._siblings)), *self._earlier.same_system]

    def has_tried(self, values: Mapping[str, Scalar], number: int) -> bool:
        """Return True if a trial of the system before its study's trial `number` has the values that apply to it."""
        return any(trial.number < number and _agrees(trial, values) for trial in self.study.get_trials(deepcopy=False))


def _score(trial: FrozenTrial, system: int) -> TrialScore:
    """Return the score of a completed trial for a ranking of settings."""
    return TrialScore(trial.number, system, trial.params, Outcome.COMPLETED, trial.value, step=0, steps=0, metrics={})


def _agrees(trial: FrozenTrial, values: Mapping[str, Scalar]) -> bool:
    shared = values.keys() & trial.params.keys()
    return bool(shared) and all(trial.params[name] == values[name] for name in shared)
