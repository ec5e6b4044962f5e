"""Draws the validations of a trial as one row of bars."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_BARS = "▁▂▃▄▅▆▇█"
_LENGTH = 12  # validations in a sparkline
RUNG, PENDING, NOT_FINITE = "┊", "·", "×"
LOWEST, HIGHEST = _BARS[0], _BARS[-1]


@dataclass(frozen=True)
class Scale:
    """The range of values that the bars of all trials have in common."""

    low: float
    high: float

    def bar(self, value: float) -> str:
        """Return the bar of a value; a value that is not finite is a cross."""
        if not math.isfinite(value):
            return NOT_FINITE
        span = self.high - self.low
        return _BARS[round((min(max(value, self.low), self.high) - self.low) / span * 7) if span > 0 else 3]


def draw_validations(values: Mapping[int, float], planned: int, rungs: Sequence[int], scale: Scale, length: int) -> str:
    """Return a row of at most `length` characters for the `planned` validations of a trial.

    `values` has the value of each validation so far, by its number from 1. A mark follows each of the `rungs` before
    the last validation, and validations to come are dots. Of several validations that share a column, the last counts.
    """
    marked = [rung for rung in rungs if rung < planned]
    columns = max(1, min(planned, length - len(marked)))

    def column(step: int) -> int:
        return min(columns - 1, (step - 1) * columns // max(1, planned))

    bars = {column(step): scale.bar(value) for step, value in sorted(values.items())}
    marks = {column(rung) for rung in marked} if len(marked) < length else set()
    return "".join(bars.get(place, PENDING) + (RUNG if place in marks else "") for place in range(columns))


def sparkline(values: list[float], length: int = _LENGTH) -> str:
    """Return the last values as a row of bars, scaled between their minimum and maximum.

    A value that is not finite leaves a gap.
    """
    shown = values[-length:]
    finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return ""
    scale = Scale(min(finite), max(finite))
    return "".join(scale.bar(value) if value in finite else " " for value in shown)
