"""Draws the validations of a trial as one row of bars."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_BARS = "▁▂▃▄▅▆▇█"
RUNG, PENDING, NOT_FINITE = "┊", "·", "×"


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

    def describe(self, metric: str) -> str:
        """Return what the lowest and the highest bar mean, in words."""
        name = metric.removeprefix("validation/")
        return f"curve: {name} from {_BARS[0]} {self.low:.4f} to {_BARS[-1]} {self.high:.4f}"


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
