"""The search space: the hyperparameters that vary in a sweep, and the conditions under which each one applies.

A Hyperparameter has one or more branches (its `cases`). A branch is a domain of values with a condition on other
hyperparameters, and at most one branch is active at a time. A hyperparameter without an active branch is inactive: it
is absent from params, record and MLflow.
"""

import itertools
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sweeper.search_space.domains import Categorical, Domain, equal_values
from sweeper.training.config import ACTIVE_WHEN, Scalar, TrainConfig, is_active

Params = dict[str, Scalar]
When = Mapping[str, tuple[Scalar, ...]]  # hyperparameter -> values; keys are ANDed, values ORed

_DEFAULTS_THAT_DECIDE = ("loss", "average")  # whether other hyperparameters apply; an encoder has no default


@dataclass(frozen=True)
class ConditionalDomain:
    """The domain of a hyperparameter under a condition. `parameter` is its name in the record.

    `prior` is the value near which the user expects the best one; None where no value is expected.
    """

    parameter: str
    domain: Domain
    when: When = field(default_factory=dict)
    prior: Scalar | None = None

    def is_active(self, assigned: Mapping[str, Scalar]) -> bool:
        """Return True if every condition is met. A condition on an inactive hyperparameter is not met."""
        return all(
            parent in assigned and any(equal_values(assigned[parent], value) for value in values)
            for parent, values in self.when.items()
        )


@dataclass(frozen=True)
class Hyperparameter:
    """A hyperparameter that varies. `section` is its section in the file: compare or search."""

    name: str
    section: str
    branches: tuple[ConditionalDomain, ...]

    def active_branch(self, assigned: Mapping[str, Scalar], *, as_written: bool = False) -> ConditionalDomain | None:
        """Return the branch that applies, given the values of the hyperparameters that this one depends on, or None.

        With `as_written`, only the conditions in the file count, not whether the loss and the encoder use it.
        """
        if not as_written and not is_active(self.name, assigned):
            return None
        return next((branch for branch in self.branches if branch.is_active(assigned)), None)

    @property
    def parents(self) -> set[str]:
        """The names of the hyperparameters that decide whether this one applies."""
        return set(ACTIVE_WHEN.get(self.name, ())).union(*(branch.when for branch in self.branches))

    def contains(self, value: Scalar) -> bool:
        """Return True if some branch contains this value."""
        return any(branch.domain.contains(value) for branch in self.branches)

    def describe_values(self) -> str:
        """Return the allowed values of all branches in words."""
        return " or ".join(str(branch.domain) for branch in self.branches)


@dataclass(frozen=True)
class SearchSpace:
    """All hyperparameters that vary in a sweep, and the values that are the same in every trial."""

    hyperparameters: tuple[Hyperparameter, ...]
    fixed: Mapping[str, Scalar]

    @property
    def fixed_values(self) -> Params:
        """The values that are known before any hyperparameter is set: `fixed`, and defaults on which others depend."""
        varying = {hyperparameter.name for hyperparameter in self.hyperparameters}
        names = [name for name in _DEFAULTS_THAT_DECIDE if name not in varying]
        return {**{name: TrainConfig.model_fields[name].default for name in names}, **self.fixed}

    def hyperparameter(self, name: str) -> Hyperparameter:
        """Return the hyperparameter of this name. Raises KeyError if there is none."""
        for hyperparameter in self.hyperparameters:
            if hyperparameter.name == name:
                return hyperparameter
        raise KeyError(name)

    def compared_names(self) -> set[str]:
        """Return the names of the hyperparameters under `compare`."""
        return {hyperparameter.name for hyperparameter in self.hyperparameters if hyperparameter.section == "compare"}

    def topological(self) -> tuple[Hyperparameter, ...]:
        """Return the hyperparameters, each after those that it depends on. Those in a circle are left out."""
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
        self, names: Container[str], known_values: Mapping[str, Scalar], *, as_written: bool = False
    ) -> Iterator[Params]:
        """Yield every distinct setting of the hyperparameters `names`, where others have `known_values`.

        Inactive hyperparameters are absent from a setting. `as_written` is explained at Hyperparameter.active_branch.
        Raises ValueError at a range without steps, which cannot be listed.
        """
        hyperparameters = [hyperparameter for hyperparameter in self.topological() if hyperparameter.name in names]
        yield from _expand(hyperparameters, {**self.fixed_values, **known_values}, {}, as_written)

    def with_ancestors(self, names: Iterable[str]) -> set[str]:
        """Return the names together with those of all hyperparameters that they depend on, directly or not."""
        collected: set[str] = set()
        current = set(names)
        while current:
            collected |= current
            parents = set().union(*(other.parents for other in self.hyperparameters if other.name in current))
            current = parents - collected
        return collected

    def critical_values(self) -> "SearchSpace":
        """Return the space with a few values for each range: its ends, and those that a condition names.

        Conditions tell no other values apart, and the settings of this space can be listed.
        """
        named: dict[str, list[Scalar]] = {}
        for hyperparameter in self.hyperparameters:
            for branch in hyperparameter.branches:
                for parent, values in branch.when.items():
                    named.setdefault(parent, []).extend(values)
        return replace(
            self, hyperparameters=tuple(_reduce(other, named.get(other.name, ())) for other in self.hyperparameters)
        )

    def enumerate_systems(self) -> tuple[Params, ...]:
        """Return the systems: every distinct combination of the hyperparameters under `compare`."""
        return tuple(self.enumerate_settings(self.compared_names(), {}))

    def searched_hyperparameters(self) -> tuple[Hyperparameter, ...]:
        """Return the hyperparameters under `search`, in the order in which they are set."""
        return tuple(hyperparameter for hyperparameter in self.topological() if hyperparameter.section == "search")


def _reduce(hyperparameter: Hyperparameter, named: Iterable[Scalar]) -> Hyperparameter:
    """Return a hyperparameter in which each range is a list: its ends, and those of the `named` values in it."""

    def listed(domain: Domain) -> Domain:
        if isinstance(domain, Categorical):
            return domain
        values = (domain.low, domain.high, *(value for value in named if domain.contains(value)))
        return Categorical(tuple(dict.fromkeys(values)))

    branches = tuple(replace(branch, domain=listed(branch.domain)) for branch in hyperparameter.branches)
    return replace(hyperparameter, branches=branches)


def _expand(
    hyperparameters: list[Hyperparameter], assigned: Params, chosen: Params, as_written: bool
) -> Iterator[Params]:
    """Yield `chosen` with every combination of values of the hyperparameters, given the values `assigned`."""
    if not hyperparameters:
        yield chosen
        return
    hyperparameter, rest = hyperparameters[0], hyperparameters[1:]
    name = hyperparameter.name
    branch = hyperparameter.active_branch(assigned, as_written=as_written)
    if branch is None:
        yield from _expand(rest, assigned, chosen, as_written)
        return
    values = branch.domain.enumerate_values()
    if values is None:
        raise ValueError(f"{name} has no list of values")
    for value in values:
        yield from _expand(rest, {**assigned, name: value}, {**chosen, name: value}, as_written)


def count_up_to(settings: Iterator[Params], limit: int) -> int:
    """Return the number of settings, counted up to `limit`."""
    return sum(1 for _ in itertools.islice(settings, limit))
