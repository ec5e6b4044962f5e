"""The mistakes in a search space that no single knob shows: conditions, circles, cases, and what to start with."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeper.search_space.document import KeyPath
from sweeper.search_space.space import ConditionalDomain, Hyperparameter, Params, SearchSpace, count_up_to, equal_values
from sweeper.training.config import Scalar
from sweeper.wording import allowed_hint, format_value

_MOST_SYSTEMS = 1000


@dataclass(frozen=True)
class SpecIssue:
    """A rule that the value at `path` breaks."""

    path: KeyPath
    rule: str


def validate_space(space: SearchSpace, start_with: Sequence[Mapping[str, Scalar]]) -> list[SpecIssue]:
    """All mistakes of the space; those of `start_with` only where the space itself has none."""
    found = [*_twice(space), *_conditions(space)]
    found = found or [*_circles(space)]
    found = found or [*_endless_systems(space)]
    found = found or [*_unreachable(space), *_overlaps(space), *_too_many_systems(space)]
    found = found or [mistake for k, entry in enumerate(start_with) for mistake in _outside(space, k, entry)]
    return found or [mistake for k, entry in enumerate(start_with) for mistake in _misfit(space, k, entry)]


def _twice(space: SearchSpace) -> Iterator[SpecIssue]:
    for a, b in itertools.combinations(space.hyperparameters, 2):
        if a.name == b.name:
            yield SpecIssue((b.section, b.name), f"stands under {a.section} too; keep one of them")
    for hyperparameter in space.hyperparameters:
        if hyperparameter.name in space.fixed:
            yield SpecIssue(
                (hyperparameter.section, hyperparameter.name), "stands under training too; keep one of them"
            )


def _branches(space: SearchSpace) -> Iterator[tuple[Hyperparameter, ConditionalDomain, KeyPath]]:
    for hyperparameter in space.hyperparameters:
        for k, branch in enumerate(hyperparameter.branches):
            cases: KeyPath = ("cases", k) if len(hyperparameter.branches) > 1 else ()
            yield hyperparameter, branch, (hyperparameter.section, hyperparameter.name, *cases)


def _conditions(space: SearchSpace) -> Iterator[SpecIssue]:
    names = [*(hyperparameter.name for hyperparameter in space.hyperparameters), *space.fixed]
    for _, branch, path in _branches(space):
        for parent, values in branch.when.items():
            at = (*path, "when", parent)
            if parent not in names:
                yield SpecIssue(at, f"`when` names an unknown knob, got {parent}, {allowed_hint(names, parent)}")
                continue
            for value in values:
                if not _possible(space, parent, value):
                    options = format_value(space.fixed[parent]) if parent in space.fixed else _options(space, parent)
                    yield SpecIssue(at, f"`when` can never meet {format_value(value)}, allowed: {options}")


def _hyperparameter(space: SearchSpace, name: str) -> Hyperparameter:
    return next(hyperparameter for hyperparameter in space.hyperparameters if hyperparameter.name == name)


def _options(space: SearchSpace, name: str) -> str:
    return " or ".join(str(branch.domain) for branch in _hyperparameter(space, name).branches)


def _possible(space: SearchSpace, name: str, value: Scalar) -> bool:
    if name in space.fixed:
        return equal_values(space.fixed[name], value)
    branches = _hyperparameter(space, name).branches
    return any(branch.domain.contains(value) for branch in branches if branch.domain.enumerate_values() is not None)


def _circles(space: SearchSpace) -> Iterator[SpecIssue]:
    ordered = space.topological()
    stuck = [hyperparameter for hyperparameter in space.hyperparameters if hyperparameter not in ordered]
    if stuck:
        names = ", ".join(hyperparameter.name for hyperparameter in stuck)
        yield SpecIssue(
            (stuck[0].section, stuck[0].name), f"`when` goes in a circle among {names}; cut it at one of them"
        )
    compared = {
        hyperparameter.name for hyperparameter in space.hyperparameters if hyperparameter.section == "compare"
    } | space.fixed.keys()
    for hyperparameter in space.hyperparameters:
        late = sorted(hyperparameter.parents - compared) if hyperparameter.section == "compare" else []
        late = [name for name in late if name in {other.name for other in space.hyperparameters}]
        if late:
            rule = f"a compared knob cannot hang on a searched one, got {late[0]}; move {late[0]} to compare"
            yield SpecIssue((hyperparameter.section, hyperparameter.name), rule)


def _worlds(space: SearchSpace, hyperparameter: Hyperparameter) -> Iterator[Params]:
    """Every combination of values, as far as it can matter, of the knobs that `knob` hangs on."""
    names: set[str] = set()
    waiting = {hyperparameter.name}
    while waiting:
        parents = set().union(*(other.parents for other in space.hyperparameters if other.name in waiting))
        names, waiting = names | parents, parents - names
    ancestors = names & {other.name for other in space.hyperparameters}
    yield from (
        {**space.fixed_values, **setting} for setting in space.enumerate_settings(ancestors, {}, as_written=True)
    )


def _unreachable(space: SearchSpace) -> Iterator[SpecIssue]:
    for hyperparameter, branch, path in _branches(space):
        if not any(
            hyperparameter.active_branch(world, as_written=True) is branch for world in _worlds(space, hyperparameter)
        ):
            yield SpecIssue(path, "can never be active; remove it, or loosen its `when`")


def _overlaps(space: SearchSpace) -> Iterator[SpecIssue]:
    for hyperparameter in space.hyperparameters:
        for world in _worlds(space, hyperparameter) if len(hyperparameter.branches) > 1 else ():
            active = [k for k, branch in enumerate(hyperparameter.branches) if branch.is_active(world)]
            if len(active) > 1:
                first, second = active[0] + 1, active[1] + 1
                rule = f"applies together with case {first}; let their `when` exclude each other"
                yield SpecIssue((hyperparameter.section, hyperparameter.name, "cases", second - 1), rule)
                break


def _endless_systems(space: SearchSpace) -> Iterator[SpecIssue]:
    for hyperparameter, branch, path in _branches(space):
        if hyperparameter.section == "compare" and branch.domain.enumerate_values() is None:
            yield SpecIssue(path, f"a compared knob needs a list of values, got {branch.domain}; move it to search")


def _too_many_systems(space: SearchSpace) -> Iterator[SpecIssue]:
    compared = {hyperparameter.name for hyperparameter in space.hyperparameters if hyperparameter.section == "compare"}
    if count_up_to(space.enumerate_settings(compared, {}), _MOST_SYSTEMS + 1) > _MOST_SYSTEMS:
        yield SpecIssue(("compare",), f"has more than {_MOST_SYSTEMS:,} combinations; move a knob to search")


def _outside(space: SearchSpace, index: int, entry: Mapping[str, Scalar]) -> Iterator[SpecIssue]:
    at: KeyPath = ("start_with", index)
    names = [hyperparameter.name for hyperparameter in space.hyperparameters]
    for name, value in entry.items():
        if name in space.fixed:
            if not _possible(space, name, value):
                yield SpecIssue(
                    (*at, name),
                    f"is outside the space, got {format_value(value)}, fixed: {format_value(space.fixed[name])}",
                )
        elif name not in names:
            yield SpecIssue((*at, name), f"unknown knob, got {name}, {allowed_hint(names, name)}")
        elif not _hyperparameter(space, name).contains(value):
            yield SpecIssue(
                (*at, name), f"is outside the space, got {format_value(value)}, allowed: {_options(space, name)}"
            )


def matching_systems(space: SearchSpace, entry: Mapping[str, Scalar]) -> tuple[Params, ...]:
    """The cells that a `start_with` entry goes to: those in which every value of it is active and inside."""
    return tuple(system for system in space.enumerate_systems() if not _blocked(space, system, entry))


def _blocked(space: SearchSpace, system: Params, entry: Mapping[str, Scalar]) -> str | None:
    """The first knob of the entry that this cell cannot give its value."""
    assigned = {**space.fixed_values, **system}
    for hyperparameter in space.topological():
        if hyperparameter.section == "search" and hyperparameter.name in entry:
            branch = hyperparameter.active_branch(assigned)
            if branch is None or not branch.domain.contains(entry[hyperparameter.name]):
                return hyperparameter.name
            assigned[hyperparameter.name] = entry[hyperparameter.name]
    wrong = [name for name in entry if name not in assigned or assigned[name] != entry[name]]
    return wrong[0] if wrong else None


def _misfit(space: SearchSpace, index: int, entry: Mapping[str, Scalar]) -> Iterator[SpecIssue]:
    if matching_systems(space, entry):
        return
    systems = [
        system
        for system in space.enumerate_systems()
        if all(entry[name] == system[name] for name in system if name in entry)
    ]
    name = _blocked(space, systems[0], entry) if systems else None
    if name is None:
        yield SpecIssue(("start_with", index), f"fits no cell of compare, got {format_value(dict(entry))}")
        return
    hyperparameter = _hyperparameter(space, name)
    missing = sorted(
        (hyperparameter.parents & {other.name for other in space.searched_hyperparameters()}) - entry.keys()
    )
    remedy = f"; say {missing[0]} too" if missing else "; remove it, or change what it hangs on"
    yield SpecIssue(
        ("start_with", index, name), f"is inactive or outside the range there, got {format_value(entry[name])}{remedy}"
    )
