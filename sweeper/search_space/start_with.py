"""The entries of `start_with`: the systems that an entry fits, and what is wrong with one that fits none."""

from collections.abc import Iterator, Mapping, Sequence

from sweeper.search_space.document import KeyPath
from sweeper.search_space.domains import equal_values
from sweeper.search_space.issue import SpecIssue
from sweeper.search_space.space import Params, SearchSpace
from sweeper.training.config import Scalar
from sweeper.wording import allowed_hint, format_value


def as_listed(space: SearchSpace, entry: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return an entry with its values as their domains list them: 0.3 for 0.30000000000000004 in steps of 0.1."""
    branches = [(other.name, branch) for other in space.hyperparameters for branch in other.branches]

    def listed(name: str, value: Scalar) -> Scalar:
        domains = (branch.domain for other, branch in branches if other == name)
        return next((domain.as_listed(value) for domain in domains if domain.contains(value)), value)

    return {name: listed(name, value) for name, value in entry.items()}


def matching_systems(space: SearchSpace, entry: Mapping[str, Scalar]) -> tuple[Params, ...]:
    """Return the systems that an entry fits: those in which each of its values is active and in range."""
    return tuple(system for system in space.enumerate_systems() if _first_misfit(space, system, entry) is None)


def validate_start_with(space: SearchSpace, entries: Sequence[Mapping[str, Scalar]]) -> list[SpecIssue]:
    """Return the issues of `start_with` in a valid space."""
    issues = [issue for index, entry in enumerate(entries) for issue in _outside_space(space, index, entry)]
    return issues or [issue for index, entry in enumerate(entries) for issue in _fits_no_system(space, index, entry)]


def _outside_space(space: SearchSpace, index: int, entry: Mapping[str, Scalar]) -> Iterator[SpecIssue]:
    at: KeyPath = ("start_with", index)
    names = [hyperparameter.name for hyperparameter in space.hyperparameters]
    for name, value in entry.items():
        if name in space.fixed:
            if not equal_values(space.fixed[name], value):
                fixed = format_value(space.fixed[name])
                yield SpecIssue((*at, name), _outside(value, f"fixed: {fixed}"))
        elif name not in names:
            yield SpecIssue((*at, name), f"unknown hyperparameter, got {name}, {allowed_hint(names, name)}")
        elif not space.hyperparameter(name).contains(value):
            allowed = space.hyperparameter(name).describe_values()
            yield SpecIssue((*at, name), _outside(value, f"allowed: {allowed}"))


def _outside(value: Scalar, possible: str) -> str:
    return f"is outside the space, got {format_value(value)}, {possible}; correct it, or delete the entry"


def _fits_no_system(space: SearchSpace, index: int, entry: Mapping[str, Scalar]) -> Iterator[SpecIssue]:
    if matching_systems(space, entry):
        return
    nearest = next((system for system in space.enumerate_systems() if _agrees(system, entry)), None)
    name = None if nearest is None else _first_misfit(space, nearest, entry)
    if name is None:
        yield SpecIssue(
            ("start_with", index),
            f"fits no system of compare, got {format_value(dict(entry))}; give values of one system",
        )
        return
    searched = {hyperparameter.name for hyperparameter in space.searched_hyperparameters()}
    missing = sorted((space.hyperparameter(name).parents & searched) - entry.keys())
    remedy = f"set {missing[0]} too" if missing else "remove it, or change what it depends on"
    rule = f"is inactive or outside the range there, got {format_value(entry[name])}; {remedy}"
    yield SpecIssue(("start_with", index, name), rule)


def _agrees(system: Params, entry: Mapping[str, Scalar]) -> bool:
    """Return True if the entry gives no compared hyperparameter another value than the system."""
    return all(entry[name] == system[name] for name in system if name in entry)


def _first_misfit(space: SearchSpace, system: Params, entry: Mapping[str, Scalar]) -> str | None:
    """Return the first hyperparameter of an entry that cannot have its value in a system, or None."""
    assigned = {**space.fixed_values, **system}
    for hyperparameter in space.searched_hyperparameters():
        name = hyperparameter.name
        if name in entry:
            branch = hyperparameter.active_branch(assigned)
            if branch is None or not branch.domain.contains(entry[name]):
                return name
            assigned[name] = entry[name]
    wrong = [name for name in entry if name not in assigned or assigned[name] != entry[name]]
    return wrong[0] if wrong else None
