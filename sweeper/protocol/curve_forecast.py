"""The values of a system's trials at later validations, and of trials to come, foreseen from its trials so far."""

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from statistics import fmean, pstdev

Curve = Sequence[float]
"""The values of a trial at its validations so far; more is better, and -inf is none."""

_UNKNOWN = 1e-9  # standard deviation of one value: the next is larger as often as smaller
_DECAY = 0.5  # of the gain from one validation to the next, where no trial has made it yet


class CurveForecast:
    """Foresees values of trials: from one validation to the next, each is taken to gain what the others did on average.

    Around this gain there is a normal noise, as large as among the others.
    """

    def __init__(self, curves: Sequence[Curve], lengths: Sequence[int]) -> None:
        """Take the curves of a system's trials, and the number of validations that each has if nothing stops it."""
        gains: dict[int, list[float]] = defaultdict(list)  # by validation, counted from 1
        for curve in curves:
            for step, (before, after) in enumerate(pairwise(curve), 2):
                if math.isfinite(after - before):
                    gains[step].append(after - before)
        self._gains = {step: fmean(known) for step, known in gains.items()}
        squares = sum((gain - self._gains[step]) ** 2 for step, known in gains.items() for gain in known)
        freedom = sum(len(known) - 1 for known in gains.values())
        self._noise = math.sqrt(squares / freedom) if freedom else 0.0
        self._fill_gains(max(lengths, default=0))
        self._bests = [self._expect_best(curve, length) for curve, length in zip(curves, lengths, strict=True)]
        self._known = [best for best in self._bests if math.isfinite(best)]
        self._mean = fmean(self._known) if self._known else 0.0
        self._deviation = pstdev(self._known) if len(self._known) > 1 else _UNKNOWN

    def _fill_gains(self, length: int) -> None:
        for step in range(2, length + 1):
            self._gains.setdefault(step, _DECAY * self._gains.get(step - 1, 0.0))

    def _expect_best(self, curve: Curve, length: int) -> float:
        """Return the best value that a trial can be expected to have in the end."""
        if not curve:
            return -math.inf
        return max(*curve, curve[-1] + self._gain(len(curve), length))

    def _gain(self, before: int, after: int) -> float:
        return sum(self._gains.get(step, 0.0) for step in range(before + 1, after + 1))

    def draw_value(self, curve: Curve, step: int, random: Random) -> float:
        """Return the value that a trial may have at a validation: that on its curve, if it has got there."""
        if step <= len(curve):
            return curve[step - 1]
        return (curve[-1] if curve else 0.0) + self._gain(len(curve), step) + random.gauss(0, self._noise)

    def draw_better(self, index: int, random: Random) -> float:
        """Return by how much a new trial may be better in the end than the one at this index, which it is like.

        Its best value is drawn from the smoothed distribution of those of the system's trials (Silverman, "Density
        Estimation for Statistics and Data Analysis", 6.4), which is wider if they are few.
        """
        best, count = self._bests[index], len(self._known)
        if not math.isfinite(best) or not self._deviation:
            return 0.0
        width = self._deviation * count**-0.2
        wanted = self._deviation * math.sqrt((count + 1) / max(1, count - 1))  # of a value to come
        narrowing = wanted / math.hypot(self._deviation, width)
        return self._mean + (best - self._mean + random.gauss(0, width)) * narrowing - best
