"""The rule that ends a search when further trials gain too little: pure functions of the values of its trials.

A system has run out of patience when the best value of its completed trials rose by no more than the seed noise over
its last N trials. The search ends when every system has. The rise over the last N trials stands for the expected gain
of the next N: it needs no model, and it counts what the sampler has learned meanwhile.

The seed noise is the pooled standard deviation between completed trials of the same setting, sqrt(sum of squares within
settings / degrees of freedom), over all systems. It is 0 while no setting has run twice; then any rise counts.
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class EndedTrial:
    """A trial of the search that has ended. `value` is None if it did not complete; more is better."""

    system: int
    setting: Hashable
    value: float | None


class SeedNoise:
    """The pooled standard deviation between values of the same setting."""

    def __init__(self) -> None:
        self._means: dict[Hashable, tuple[int, float]] = {}  # number of values and their mean, by setting
        self._squares, self._freedom = 0.0, 0

    def add(self, setting: Hashable, value: float) -> None:
        """Take one more value of a setting (Welford 1962)."""
        count, mean = self._means.get(setting, (0, 0.0))
        new_mean = mean + (value - mean) / (count + 1)
        self._squares += (value - mean) * (value - new_mean)
        self._freedom += count > 0
        self._means[setting] = count + 1, new_mean

    @property
    def deviation(self) -> float:
        """The standard deviation; 0 while no setting has two values."""
        return math.sqrt(self._squares / self._freedom) if self._freedom else 0.0


def find_exhaustion(
    trials: Sequence[EndedTrial], num_systems: int, patience: int, noise: float | None = None
) -> float | None:
    """Return the seed noise at the first moment at which every system had run out of patience; None if none has come.

    `trials` are in the order in which they ended, so more of them never change an answer that was given. `patience` is
    the number of last trials of each system; `noise` replaces the estimate of the seed noise.
    """
    end = count_until_exhaustion(trials, num_systems, patience, noise)
    return None if end is None else end[1]


def count_until_exhaustion(
    trials: Iterable[EndedTrial], num_systems: int, patience: int, noise: float | None = None
) -> tuple[int, float] | None:
    """Return the number of trials after which every system had run out of patience, and the seed noise then."""
    values = _BestValues(num_systems)
    for count, trial in enumerate(trials, 1):
        values.add(trial)
        limit = values.noise.deviation if noise is None else noise
        if all(_recent_rise(best, patience) <= limit for best in values.bests):
            return count, limit
    return None


class _BestValues:
    """The best value of each system after each of its trials (-inf before the first value), and the seed noise."""

    def __init__(self, num_systems: int) -> None:
        self.noise = SeedNoise()
        self.bests: list[list[float]] = [[] for _ in range(num_systems)]

    def add(self, trial: EndedTrial) -> None:
        """Take one more trial."""
        bests = self.bests[trial.system]
        earlier = bests[-1] if bests else -math.inf
        bests.append(earlier if trial.value is None else max(earlier, trial.value))
        if trial.value is not None:
            self.noise.add((trial.system, trial.setting), trial.value)


def _recent_rise(bests: Sequence[float], patience: int) -> float:
    """Return the rise of the best value over the last trials; infinity where that is not known yet."""
    if len(bests) <= patience or not math.isfinite(bests[-1 - patience]):
        return math.inf
    return bests[-1] - bests[-1 - patience]
