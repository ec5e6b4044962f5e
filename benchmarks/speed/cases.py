"""A case is one comparison: arms that do the same work, sweeper's first. The arms take turns, once in every round."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

SWEEPER = "sweeper"  # the name of our arm in every case


class LeftOutError(Exception):
    """A row cannot be measured on this machine. That is not an error of the benchmark."""


@dataclass(frozen=True)
class Measurement:
    """One value, and the parts that explain it, by name with their unit."""

    value: float
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """One side of a comparison. `measure` takes the seed of a round."""

    name: str
    measure: Callable[[int], Measurement]


@dataclass(frozen=True)
class Case:
    """One comparison. `note` says what the arms do, and where they differ.

    `seeds` are what each arm is measured with, in turn; if there are none, it is the seeds of the rounds.
    """

    name: str
    title: str
    unit: str
    arms: Sequence[Arm]
    more_is_better: bool = False
    note: str = ""
    seeds: Sequence[int] = ()


@dataclass
class ArmResult:
    """The values of one arm in the order of the rounds, or why there are none: an error, or it was left out."""

    values: list[float] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)  # medians
    error: str = ""
    left_out: str = ""

    @property
    def median(self) -> float:
        """The median of the values. Ask only if there are any."""
        return statistics.median(self.values)


@dataclass
class CaseResult:
    """The results of one comparison, by arm in their order."""

    name: str
    title: str
    unit: str
    more_is_better: bool
    note: str
    busy: float  # the larger share of the processors in use in one second before its row and in one before it
    arms: dict[str, ArmResult]

    def speedup(self, peer: str) -> float | None:
        """Return how many times as good sweeper is as a peer: above 1 it is better. None without both medians."""
        ours, theirs = self.arms[SWEEPER], self.arms[peer]
        if not ours.values or not theirs.values or not ours.median or not theirs.median:
            return None
        return ours.median / theirs.median if self.more_is_better else theirs.median / ours.median

    @property
    def peers(self) -> list[str]:
        """The names of the other arms."""
        return [name for name in self.arms if name != SWEEPER]


def run_case(case: Case, seeds: Sequence[int], busy: float) -> CaseResult:
    """Measure all arms in turn, with another one first in each round. A failed arm is left out from then on."""
    arms = {arm.name: ArmResult() for arm in case.arms}
    parts: dict[str, list[Mapping[str, float]]] = {name: [] for name in arms}
    for number, seed in enumerate(case.seeds or seeds):
        start = number % len(case.arms)
        for arm in (*case.arms[start:], *case.arms[:start]):
            result = arms[arm.name]
            if result.error:
                continue
            try:
                measurement = arm.measure(seed)
            except Exception as error:
                result.error = _describe(error)
            else:
                result.values.append(measurement.value)
                parts[arm.name].append(measurement.parts)
    for name, result in arms.items():
        result.parts = _medians(parts[name])
    return CaseResult(case.name, case.title, case.unit, case.more_is_better, case.note, busy, arms)


def failed_case(case: Case, error: Exception) -> CaseResult:
    """Return the result of a case that could not be measured."""
    is_left_out = isinstance(error, LeftOutError)
    arms = {SWEEPER: ArmResult(left_out=str(error)) if is_left_out else ArmResult(error=_describe(error))}
    return CaseResult(case.name, case.title, case.unit, case.more_is_better, case.note, 0.0, arms)


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _medians(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the median of each part."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: statistics.median(part[name] for part in parts if name in part) for name in names}
