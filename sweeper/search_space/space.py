"""What may vary in a sweep, and which of it applies when.

A Knob has one or more Branches (its `cases`), each a domain of values with a condition on other knobs; at most one
branch is active at a time. A knob without an active branch is inactive: absent from params, record and MLflow.
"""

import itertools
import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sweeper.training.config import ACTIVE_WHEN, Scalar, TrainConfig, is_active
from sweeper.wording import format_value

Params = dict[str, Scalar]
When = Mapping[str, tuple[Scalar, ...]]  # knob -> values; keys are ANDed, values ORed


def equal_values(a: Scalar, b: Scalar) -> bool:
    """Whether two values are one setting: 1 and 1.0 are, 1 and true are not."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


@dataclass(frozen=True)
class Categorical:
    """One of the listed values."""

    values: tuple[Scalar, ...]

    def contains(self, value: Scalar) -> bool:
        """Whether the knob may take `value`."""
        return any(equal_values(value, own) for own in self.values)

    def enumerate_values(self) -> Sequence[Scalar]:
        """Every value, for a grid."""
        return self.values

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
        """Whether the knob may take `value`: in the range, and on a step where there are steps."""
        if isinstance(value, (bool, str)) or not self.low <= value <= self.high:
            return False
        return self.step is None or math.isclose(step_fraction(value - self.low, self.step), 0, abs_tol=1e-9)

    def enumerate_values(self) -> Sequence[Scalar] | None:
        """Every value, for a grid; None where they are not countable."""
        if self.step is None:
            return None
        steps = round((self.high - self.low) / self.step)
        return tuple(float(f"{self.low + k * self.step:.12g}") for k in range(steps + 1))

    def __str__(self) -> str:
        steps = f" in steps of {self.step:g}" if self.step else ""
        return f"{self.low:g} to {self.high:g}{' (log)' if self.log else ''}{steps}"


@dataclass(frozen=True)
class Int:
    """A whole number from low to high, both included."""

    low: int
    high: int
    step: int = 1

    def contains(self, value: Scalar) -> bool:
        """Whether the knob may take `value`."""
        return type(value) is int and value in range(self.low, self.high + 1, self.step)

    def enumerate_values(self) -> Sequence[Scalar]:
        """Every value, for a grid; a range, for there may be many."""
        return range(self.low, self.high + 1, self.step)

    def __str__(self) -> str:
        return f"{self.low} to {self.high}" + (f" in steps of {self.step}" if self.step != 1 else "")


Domain = Categorical | Float | Int


def step_fraction(value: float, step: float) -> float:
    """The distance from `value` to the nearest multiple of `step`, as a share of it."""
    return abs(value / step - round(value / step))


@dataclass(frozen=True)
class ConditionalDomain:
    """Values of a knob under a condition; `parameter` is its name in the record."""

    parameter: str
    domain: Domain
    when: When = field(default_factory=dict)

    def is_active(self, assigned: Mapping[str, Scalar]) -> bool:
        """Whether every condition is met; a condition on an inactive knob is not."""
        return all(
            parent in assigned and any(equal_values(assigned[parent], value) for value in values)
            for parent, values in self.when.items()
        )


@dataclass(frozen=True)
class Hyperparameter:
    """One thing that varies. `section` is the part of the file that it stands in: compare or search."""

    name: str
    section: str
    branches: tuple[ConditionalDomain, ...]

    def active_branch(self, assigned: Mapping[str, Scalar], *, as_written: bool = False) -> ConditionalDomain | None:
        """The branch that applies, given the values of the knobs that it depends on.

        With `as_written`, whether loss and encoder use the knob is left aside: the written conditions alone decide.
        """
        if not as_written and not is_active(self.name, assigned):
            return None
        return next((branch for branch in self.branches if branch.is_active(assigned)), None)

    @property
    def parents(self) -> set[str]:
        """The knobs that decide whether this one applies."""
        return set(ACTIVE_WHEN.get(self.name, ())).union(*(branch.when for branch in self.branches))

    def contains(self, value: Scalar) -> bool:
        """Whether some branch has this value."""
        return any(branch.domain.contains(value) for branch in self.branches)


@dataclass(frozen=True)
class SearchSpace:
    """All knobs of a sweep, and the values that are the same in every trial."""

    hyperparameters: tuple[Hyperparameter, ...]
    fixed: Mapping[str, Scalar]

    @property
    def fixed_values(self) -> Params:
        """What is assigned before any knob: the fixed values, and the default loss where no knob sets it."""
        varies = {hyperparameter.name for hyperparameter in self.hyperparameters}
        default = {} if "loss" in varies else {"loss": str(TrainConfig.model_fields["loss"].default)}
        return {**default, **self.fixed}

    def topological(self) -> tuple[Hyperparameter, ...]:
        """The knobs, each after those that it depends on; those in a circle are left out."""
        placed: dict[str, Hyperparameter] = {}
        waiting = list(self.hyperparameters)
        names = {hyperparameter.name for hyperparameter in waiting}
        while ready := [
            hyperparameter for hyperparameter in waiting if not (hyperparameter.parents & names) - placed.keys()
        ]:
            placed.update((hyperparameter.name, hyperparameter) for hyperparameter in ready)
            waiting = [hyperparameter for hyperparameter in waiting if hyperparameter.name not in placed]
        return tuple(placed.values())

    def enumerate_settings(
        self, names: Container[str], given: Mapping[str, Scalar], *, as_written: bool = False
    ) -> Iterator[Params]:
        """Every distinct setting of the knobs `names`, inactive ones absent, on top of `given`.

        Ranges without steps cannot be listed and raise ValueError. `as_written` is that of Knob.branch.
        """
        hyperparameters = [hyperparameter for hyperparameter in self.topological() if hyperparameter.name in names]
        yield from _expand(hyperparameters, {**self.fixed_values, **given}, {}, as_written)

    def enumerate_systems(self) -> tuple[Params, ...]:
        """The rows of the table: every distinct combination of the knobs under `compare`."""
        return tuple(
            self.enumerate_settings(
                {hyperparameter.name for hyperparameter in self.hyperparameters if hyperparameter.section == "compare"},
                {},
            )
        )

    def searched_hyperparameters(self) -> tuple[Hyperparameter, ...]:
        """The knobs under `search`, in the order in which they are decided."""
        return tuple(hyperparameter for hyperparameter in self.topological() if hyperparameter.section == "search")


def _expand(
    hyperparameters: list[Hyperparameter], assigned: Params, chosen: Params, as_written: bool
) -> Iterator[Params]:
    if not hyperparameters:
        yield chosen
        return
    hyperparameter, rest = hyperparameters[0], hyperparameters[1:]
    branch = hyperparameter.active_branch(assigned, as_written=as_written)
    if branch is None:
        yield from _expand(rest, assigned, chosen, as_written)
        return
    values = branch.domain.enumerate_values()
    if values is None:
        raise ValueError(f"{hyperparameter.name} has no list of values")
    for value in values:
        yield from _expand(
            rest, {**assigned, hyperparameter.name: value}, {**chosen, hyperparameter.name: value}, as_written
        )


def count_up_to(settings: Iterator[Params], most: int) -> int:
    """How many settings there are, counted up to `most`."""
    return sum(1 for _ in itertools.islice(settings, most))
