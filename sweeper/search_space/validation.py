"""The mistakes in a search space that no single knob shows: conditions, circles, cases, and what to start with."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeper.search_space.document import KeyPath
from sweeper.search_space.space import ConditionalDomain, Hyperparameter, Params, SearchSpace, count_up_to, equal_values
from sweeper.training.config import Scalar
from sweeper.wording import allowed_hint, format_value

_MOST_CELLS = 1000


@dataclass(frozen=True)
class SpecIssue:
    """A rule that the value at `path` breaks."""

    path: KeyPath
    rule: str


def validate_space(space: SearchSpace, start_with: Sequence[Mapping[str, Scalar]]) -> list[SpecIssue]:
    """All mistakes of the space; those of `start_with` only where the space itself has none."""
    found = [*_twice(space), *_conditions(space)]
    found = found or [*_circles(space)]
    found = found or [*_endless_cells(space)]
    found = found or [*_unreachable(space), *_overlaps(space), *_too_many_cells(space)]
    found = found or [mistake for k, entry in enumerate(start_with) for mistake in _outside(space, k, entry)]
    return found or [mistake for k, entry in enumerate(start_with) for mistake in _misfit(space, k, entry)]


def _twice(space: SearchSpace) -> Iterator[SpecIssue]:
    for a, b in itertools.combinations(space.hyperparameters, 2):
        if a.name == b.name:
            yield SpecIssue((b.section, b.name), f"stands under {a.section} too; keep one of them")
    for knob in space.hyperparameters:
        if knob.name in space.fixed:
            yield SpecIssue((knob.section, knob.name), "stands under training too; keep one of them")


def _branches(space: SearchSpace) -> Iterator[tuple[Hyperparameter, ConditionalDomain, KeyPath]]:
    for knob in space.hyperparameters:
        for k, branch in enumerate(knob.branches):
            cases: KeyPath = ("cases", k) if len(knob.branches) > 1 else ()
            yield knob, branch, (knob.section, knob.name, *cases)


def _conditions(space: SearchSpace) -> Iterator[SpecIssue]:
    names = [*(knob.name for knob in space.hyperparameters), *space.fixed]
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


def _knob(space: SearchSpace, name: str) -> Hyperparameter:
    return next(knob for knob in space.hyperparameters if knob.name == name)


def _options(space: SearchSpace, name: str) -> str:
    return " or ".join(str(branch.domain) for branch in _knob(space, name).branches)


def _possible(space: SearchSpace, name: str, value: Scalar) -> bool:
    if name in space.fixed:
        return equal_values(space.fixed[name], value)
    branches = _knob(space, name).branches
    return any(branch.domain.contains(value) for branch in branches if branch.domain.enumerate_values() is not None)


def _circles(space: SearchSpace) -> Iterator[SpecIssue]:
    ordered = space.topological()
    stuck = [knob for knob in space.hyperparameters if knob not in ordered]
    if stuck:
        names = ", ".join(knob.name for knob in stuck)
        yield SpecIssue(
            (stuck[0].section, stuck[0].name), f"`when` goes in a circle among {names}; cut it at one of them"
        )
    compared = {knob.name for knob in space.hyperparameters if knob.section == "compare"} | space.fixed.keys()
    for knob in space.hyperparameters:
        late = sorted(knob.parents - compared) if knob.section == "compare" else []
        late = [name for name in late if name in {other.name for other in space.hyperparameters}]
        if late:
            rule = f"a compared knob cannot hang on a searched one, got {late[0]}; move {late[0]} to compare"
            yield SpecIssue((knob.section, knob.name), rule)


def _worlds(space: SearchSpace, knob: Hyperparameter) -> Iterator[Params]:
    """Every combination of values, as far as it can matter, of the knobs that `knob` hangs on."""
    names: set[str] = set()
    waiting = {knob.name}
    while waiting:
        parents = set().union(*(other.parents for other in space.hyperparameters if other.name in waiting))
        names, waiting = names | parents, parents - names
    ancestors = names & {other.name for other in space.hyperparameters}
    yield from (
        {**space.fixed_values, **setting} for setting in space.enumerate_settings(ancestors, {}, as_written=True)
    )


def _unreachable(space: SearchSpace) -> Iterator[SpecIssue]:
    for knob, branch, path in _branches(space):
        if not any(knob.active_branch(world, as_written=True) is branch for world in _worlds(space, knob)):
            yield SpecIssue(path, "can never be active; remove it, or loosen its `when`")


def _overlaps(space: SearchSpace) -> Iterator[SpecIssue]:
    for knob in space.hyperparameters:
        for world in _worlds(space, knob) if len(knob.branches) > 1 else ():
            active = [k for k, branch in enumerate(knob.branches) if branch.is_active(world)]
            if len(active) > 1:
                first, second = active[0] + 1, active[1] + 1
                rule = f"applies together with case {first}; let their `when` exclude each other"
                yield SpecIssue((knob.section, knob.name, "cases", second - 1), rule)
                break


def _endless_cells(space: SearchSpace) -> Iterator[SpecIssue]:
    for knob, branch, path in _branches(space):
        if knob.section == "compare" and branch.domain.enumerate_values() is None:
            yield SpecIssue(path, f"a compared knob needs a list of values, got {branch.domain}; move it to search")


def _too_many_cells(space: SearchSpace) -> Iterator[SpecIssue]:
    compared = {knob.name for knob in space.hyperparameters if knob.section == "compare"}
    if count_up_to(space.enumerate_settings(compared, {}), _MOST_CELLS + 1) > _MOST_CELLS:
        yield SpecIssue(("compare",), f"has more than {_MOST_CELLS:,} combinations; move a knob to search")


def _outside(space: SearchSpace, index: int, entry: Mapping[str, Scalar]) -> Iterator[SpecIssue]:
    at: KeyPath = ("start_with", index)
    names = [knob.name for knob in space.hyperparameters]
    for name, value in entry.items():
        if name in space.fixed:
            if not _possible(space, name, value):
                yield SpecIssue(
                    (*at, name),
                    f"is outside the space, got {format_value(value)}, fixed: {format_value(space.fixed[name])}",
                )
        elif name not in names:
            yield SpecIssue((*at, name), f"unknown knob, got {name}, {allowed_hint(names, name)}")
        elif not _knob(space, name).contains(value):
            yield SpecIssue(
                (*at, name), f"is outside the space, got {format_value(value)}, allowed: {_options(space, name)}"
            )


def matching_systems(space: SearchSpace, entry: Mapping[str, Scalar]) -> tuple[Params, ...]:
    """The cells that a `start_with` entry goes to: those in which every value of it is active and inside."""
    return tuple(cell for cell in space.enumerate_systems() if not _blocked(space, cell, entry))


def _blocked(space: SearchSpace, cell: Params, entry: Mapping[str, Scalar]) -> str | None:
    """The first knob of the entry that this cell cannot give its value."""
    assigned = {**space.fixed_values, **cell}
    for knob in space.topological():
        if knob.section == "search" and knob.name in entry:
            branch = knob.active_branch(assigned)
            if branch is None or not branch.domain.contains(entry[knob.name]):
                return knob.name
            assigned[knob.name] = entry[knob.name]
    wrong = [name for name in entry if name not in assigned or assigned[name] != entry[name]]
    return wrong[0] if wrong else None


def _misfit(space: SearchSpace, index: int, entry: Mapping[str, Scalar]) -> Iterator[SpecIssue]:
    if matching_systems(space, entry):
        return
    cells = [
        cell for cell in space.enumerate_systems() if all(entry[name] == cell[name] for name in cell if name in entry)
    ]
    name = _blocked(space, cells[0], entry) if cells else None
    if name is None:
        yield SpecIssue(("start_with", index), f"fits no cell of compare, got {format_value(dict(entry))}")
        return
    knob = _knob(space, name)
    missing = sorted((knob.parents & {other.name for other in space.searched_hyperparameters()}) - entry.keys())
    remedy = f"; say {missing[0]} too" if missing else "; remove it, or change what it hangs on"
    yield SpecIssue(
        ("start_with", index, name), f"is inactive or outside the range there, got {format_value(entry[name])}{remedy}"
    )
