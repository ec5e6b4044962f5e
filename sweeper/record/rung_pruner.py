"""The Optuna pruner that applies an early stopping rule at its rungs.

Its verdicts follow from the record, so there is nothing else to restore after a crash. Optuna's
SuccessiveHalvingPruner would not do: it writes to the trial, answers differently when it is asked again, and loses the
best setting two to three times as often. Ray's ASHAScheduler ignores NaN and cannot be filled again from a record.
"""

import math
from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweeper.record.trial_attributes import report_time, stored_bracket
from sweeper.wording import format_epoch

NeededValue = Callable[[NDArray[np.float64]], float | None]
StoredTrials = Callable[[optuna.Study], Sequence[FrozenTrial]]


class RungPruner(optuna.pruners.BasePruner):
    """An early stopping rule as a pure function of the record.

    At a rung, the rule compares a trial's value with the values of the trials of its bracket that reached this rung
    before it. A value that is not finite stops a trial at any step. Asked again after a crash, the pruner gives the
    same answer: the record has each trial's bracket, and says who came before, by the time of each report.

    The pruner reads the whole study once, at its first question. After that it learns of each trial by being asked
    about it, so no verdict walks over the trials that have ended.
    """

    def __init__(
        self, brackets: Mapping[int, Sequence[int]], needed_value: NeededValue, stored_trials: StoredTrials
    ) -> None:
        """Use one pruner for each study, and ask it after every report, even where the answer does not matter.

        `brackets` has the rungs of each bracket by its number; they are validations, counted from 1. `needed_value`
        takes the earlier values and returns the one that a trial needs; more is better. `stored_trials` returns the
        trials of a study with all of their reports, of which a sampler does not see every one.
        """
        self._needed_value, self._stored_trials = needed_value, stored_trials
        self._brackets = {bracket: {step: _Rung() for step in rungs} for bracket, rungs in brackets.items()}
        self._has_read_study = False

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Return True if the trial is to stop after its last report."""
        self._add_arrivals([trial] if self._has_read_study else self._stored_trials(study))
        self._has_read_study = True
        step = trial.last_step
        if step is None:
            return False
        value = trial.intermediate_values[step]
        if not math.isfinite(value):
            return True
        needed = self.needed_value(study, trial)
        return needed is not None and (value < needed if study.direction == StudyDirection.MAXIMIZE else value > needed)

    def needed_value(self, study: optuna.Study, trial: FrozenTrial) -> float | None:
        """Return the value that the trial needs at its last report to continue; None if any value is enough.

        Ask `prune` first. The answer stays the same for this report, because it depends on earlier ones only.
        """
        rungs, step = self._rungs_of(trial), trial.last_step
        if step is None or step not in rungs:
            return None
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        needed = self._needed_value(sign * rungs[step].values_before(_arrival(trial, step)))
        return None if needed is None else sign * needed

    def _add_arrivals(self, trials: Sequence[FrozenTrial]) -> None:
        for trial in trials:
            rungs = self._rungs_of(trial)
            for step in rungs.keys() & trial.intermediate_values.keys():
                rungs[step].add(_arrival(trial, step), trial.intermediate_values[step])

    def _rungs_of(self, trial: FrozenTrial) -> "Mapping[int, _Rung]":
        """Return the rungs of a trial's bracket, by validation."""
        return self._brackets.get(stored_bracket(trial), {})


class _Rung:
    """The finite values that reached a rung, in the order of arrival."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[int, int]] = []
        self.values = array("d")

    def add(self, arrival: tuple[int, int], value: float) -> None:
        """Add a value. Adding the same arrival again changes nothing."""
        place = bisect_left(self.arrivals, arrival)
        if math.isfinite(value) and self.arrivals[place : place + 1] != [arrival]:
            self.arrivals.insert(place, arrival)
            self.values.insert(place, value)

    def values_before(self, arrival: tuple[int, int]) -> NDArray[np.float64]:
        """Return the values that arrived before `arrival`."""
        return np.array(self.values[: bisect_left(self.arrivals, arrival)])


def describe_stop(epoch: float, value: float, needed: float | None, sign: int) -> str:
    """Return why a trial was stopped: "stopped after epoch 1: 0.7330, needed 0.7667".

    `sign` is -1 where less is better. The numbers have as many digits as it takes to tell them apart, at least four.
    """
    after = f"stopped after epoch {format_epoch(epoch)}"
    if needed is None:
        return after
    digits = next((k for k in range(4, 17) if f"{value:.{k}f}" != f"{needed:.{k}f}"), 17)
    suffix = " or less" if sign < 0 else ""
    return f"{after}: {value:.{digits}f}, needed {needed:.{digits}f}{suffix}"


def _arrival(trial: FrozenTrial, step: int) -> tuple[int, int]:
    """Return the time of a trial's report at a rung, and the trial's number."""
    return report_time(trial, step), trial.number
