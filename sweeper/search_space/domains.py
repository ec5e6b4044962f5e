"""The values that a hyperparameter may take: one of a list, a real range, or a whole-number range."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sweeper.training.config import Scalar
from sweeper.wording import format_value


def equal_values(a: Scalar, b: Scalar) -> bool:
    """Return True if two values are the same in a setting: 1 and 1.0 are, 1 and true are not."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def step_fraction(value: float, step: float) -> float:
    """Return the distance from `value` to the nearest multiple of `step`, as a fraction of `step`."""
    return abs(value / step - round(value / step))


def nearest_step(value: float, low: float, step: float) -> float:
    """Return the value of a range from `low` in steps that is nearest to `value`, as it is written in decimals.

    It is 0.3 for 0.30000000000000004 in steps of 0.1 from 0.1, so that a value is one setting however it was computed.
    """
    return float(Decimal(str(low)) + round((value - low) / step) * Decimal(str(step)))


def _step_numbers(low: float, high: float, step: float) -> range:
    """Return the number of each value of a range in steps. The values themselves may be many, and slow to make."""
    return range(round((high - low) / step) + 1)


def _value_on_step(number: int, low: float, step: float) -> float:
    return nearest_step(low + number * step, low, step)


@dataclass(frozen=True)
class Categorical:
    """One of the listed values."""

    values: tuple[Scalar, ...]

    def contains(self, value: Scalar) -> bool:
        """Return True if `value` is listed."""
        return any(equal_values(value, listed) for listed in self.values)

    def enumerate_values(self) -> Sequence[Scalar]:
        """Return every value, for a grid."""
        return self.values

    def value_at(self, fraction: float) -> Scalar:
        """Return the value at a fraction of the list, from 0 to below 1. Every value has an equal part of it."""
        return self.values[int(fraction * len(self.values))]

    def as_listed(self, value: Scalar) -> Scalar:
        """Return a value of the list as the list has it: 1 for 1.0."""
        return next(listed for listed in self.values if equal_values(value, listed))

    def __str__(self) -> str:
        return ", ".join(format_value(value) for value in self.values)


@dataclass(frozen=True)
class Float:
    """A real number from low to high, both included, uniform or uniform in its logarithm."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def contains(self, value: Scalar) -> bool:
        """Return True if `value` is in the range, and on a step if there are steps."""
        if isinstance(value, (bool, str)) or not math.isfinite(value):
            return False
        if not self.low <= self.as_listed(value) <= self.high:
            return False
        return self.step is None or math.isclose(step_fraction(value - self.low, self.step), 0, abs_tol=1e-9)

    def enumerate_values(self) -> Sequence[Scalar] | None:
        """Return every value, for a grid; None for a range without steps."""
        if self.step is None:
            return None
        return tuple(_value_on_step(k, self.low, self.step) for k in _step_numbers(self.low, self.high, self.step))

    def value_at(self, fraction: float) -> Scalar:
        """Return the value at a fraction of the range, or of its logarithm, from 0 to below 1.

        If there are steps, every value has an equal part of the range.
        """
        if self.step is not None:
            numbers = _step_numbers(self.low, self.high, self.step)
            return _value_on_step(numbers[int(fraction * len(numbers))], self.low, self.step)
        if self.log:
            value = math.exp(math.log(self.low) + fraction * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + fraction * (self.high - self.low)
        return min(max(value, self.low), self.high)

    def as_listed(self, value: Scalar) -> float:
        """Return a value of the range as a float, and on a step as it is written: 0.3 for 0.30000000000000004."""
        return float(value) if self.step is None else nearest_step(float(value), self.low, self.step)

    def __str__(self) -> str:
        steps = f" in steps of {self.step:g}" if self.step else ""
        return f"{self.low:g} to {self.high:g}{' (log)' if self.log else ''}{steps}"


@dataclass(frozen=True)
class Int:
    """A whole number from low to high, both included, uniform or uniform in its logarithm. With `log`, `step` is 1."""

    low: int
    high: int
    step: int = 1
    log: bool = False

    def contains(self, value: Scalar) -> bool:
        """Return True if `value` is a whole number in the range, and on a step."""
        return type(value) is int and value in range(self.low, self.high + 1, self.step)

    def enumerate_values(self) -> Sequence[Scalar]:
        """Return every value, for a grid. It is a range object, because there may be many."""
        return range(self.low, self.high + 1, self.step)

    def value_at(self, fraction: float) -> Scalar:
        """Return the value at a fraction of the range, or of its logarithm, from 0 to below 1.

        Every value has the part of it that lies nearest to it.
        """
        if self.log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            return min(max(round(math.exp(low + fraction * (high - low))), self.low), self.high)
        values = range(self.low, self.high + 1, self.step)
        return values[int(fraction * len(values))]

    def as_listed(self, value: Scalar) -> Scalar:
        """Return a value of the range."""
        return value

    def __str__(self) -> str:
        steps = f" in steps of {self.step}" if self.step != 1 else ""
        return f"{self.low} to {self.high}{' (log)' if self.log else ''}{steps}"


Domain = Categorical | Float | Int
