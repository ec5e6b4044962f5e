"""ASHA as a pruner of Optuna's whose verdicts follow from the record, so that there is nothing else to restore.

Not Optuna's SuccessiveHalvingPruner: it writes to the trial, answers differently when it is asked again, and loses the
best setting two to three times as often. Not Ray's ASHAScheduler: it is blind to NaN and cannot be refilled.
"""

import math
from array import array
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial


class AshaPruner(optuna.pruners.BasePruner):
    """ASHA, as Ray Tune has it, as a pure function of the record.

    At a rung a trial goes on if it is not below the (1 - 1/reduction_factor) quantile of those that reached the rung
    before it; the first passes. A value that is not finite stops at any step. Asked again after a crash, it answers the
    same: who came before is in the record, by the time of each report. (Li et al., "A System for Massively Parallel
    Hyperparameter Tuning", algorithm 2, in the form of ray.tune's ASHAScheduler.)

    It reads the study once, and then hears of each trial by being asked: a verdict walks over no trials that ended.
    """

    def __init__(self, rungs: Sequence[int], reduction_factor: int) -> None:
        """One for each study, to be asked after every report, even where the answer does not matter."""
        self.keep = 1 - 1 / reduction_factor
        self.rungs = {step: _Rung() for step in rungs}
        self._read = False

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether to stop the trial after its last report."""
        for one in [trial] if self._read else study.get_trials(deepcopy=False):
            for rung in self.rungs.keys() & one.intermediate_values.keys():
                self.rungs[rung].add(_arrival(one, rung), one.intermediate_values[rung])
        self._read = True
        step = trial.last_step
        if step is None:
            return False
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        value = sign * trial.intermediate_values[step]
        if not math.isfinite(value):
            return True
        if step not in self.rungs:
            return False
        earlier = sign * self.rungs[step].before(_arrival(trial, step))
        return earlier.size > 0 and bool(value < np.percentile(earlier, 100 * self.keep))


class _Rung:
    """The finite values that came to a rung, in the order in which they came."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[int, int]] = []
        self.values = array("d")

    def add(self, arrival: tuple[int, int], value: float) -> None:
        """Take in a value; one that is there already changes nothing."""
        place = bisect_left(self.arrivals, arrival)
        if math.isfinite(value) and self.arrivals[place : place + 1] != [arrival]:
            self.arrivals.insert(place, arrival)
            self.values.insert(place, value)

    def before(self, arrival: tuple[int, int]) -> np.ndarray:
        """Those that came before this one."""
        return np.array(self.values[: bisect_left(self.arrivals, arrival)])


def _arrival(trial: FrozenTrial, step: int) -> tuple[int, int]:
    """When a trial came to a rung: the time of its report, and its number."""
    return trial.user_attrs[f"report:{step}"]["time"], trial.number
