"""Rules that no single hyperparameter shows: those about conditions, circles, cases and the number of systems."""

import itertools
from collections.abc import Iterator

from sweeper.search_space.document import KeyPath
from sweeper.search_space.domains import Categorical, Domain
from sweeper.search_space.issue import SpecIssue
from sweeper.search_space.space import ConditionalDomain, Hyperparameter, Params, SearchSpace, count_up_to
from sweeper.training.config import Scalar
from sweeper.wording import allowed_hint, format_value

_MAX_SYSTEMS = 1000


def validate_space(space: SearchSpace) -> list[SpecIssue]:
    """Return the issues of a search space. A later check runs only if the earlier ones find none."""
    issues = [*_duplicates(space), *_wrong_conditions(space)]
    issues = issues or [*_circles(space), *_compared_after_searched(space)]
    issues = issues or [*_unlisted_compared(space)]
    return issues or [*_unreachable(space), *_overlapping_cases(space), *_too_many_systems(space)]


def _duplicates(space: SearchSpace) -> Iterator[SpecIssue]:
    for first, second in itertools.combinations(space.hyperparameters, 2):
        if first.name == second.name:
            yield SpecIssue((second.section, second.name), f"is under {first.section} too; keep one of them")
    for hyperparameter in space.hyperparameters:
        if hyperparameter.name in space.fixed:
            yield SpecIssue(_path(hyperparameter), "is under training too; keep one of them")


def _wrong_conditions(space: SearchSpace) -> Iterator[SpecIssue]:
    names = [*(hyperparameter.name for hyperparameter in space.hyperparameters), *space.fixed]
    for _, branch, path in _branches(space):
        for parent, values in branch.when.items():
            at = (*path, "when", parent)
            if parent not in names:
                hint = allowed_hint(names, parent)
                yield SpecIssue(at, f"`when` names an unknown hyperparameter, got {parent}, {hint}")
                continue
            rules = (_broken_rule(space, parent, value) for value in values)
            yield from (SpecIssue(at, rule) for rule in rules if rule is not None)


def _broken_rule(space: SearchSpace, parent: str, value: Scalar) -> str | None:
    """Return the rule that a condition on this value of `parent` breaks, or None.

    Only a fixed value, or one of a list or of a range with steps, can be met.
    """
    if parent in space.fixed:
        domains: list[Domain] = [Categorical((space.fixed[parent],))]
    else:
        domains = [branch.domain for branch in space.hyperparameter(parent).branches]
    listed = [domain for domain in domains if domain.enumerate_values() is not None]
    if any(domain.contains(value) for domain in listed):
        return None
    ranges = [domain for domain in domains if domain not in listed and (not listed or domain.contains(value))]
    if ranges:
        rule = f"`when` goes with a list of values or a range with a step, got {parent}: {ranges[0]}"
        return f"{rule}; write {parent} as a list, or as {{uniform: [low, high], step: ...}}"
    return f"`when` can never meet {format_value(value)}, allowed: {' or '.join(map(str, listed))}"


def _circles(space: SearchSpace) -> Iterator[SpecIssue]:
    ordered = space.topological()
    circular = [hyperparameter for hyperparameter in space.hyperparameters if hyperparameter not in ordered]
    if circular:
        names = ", ".join(hyperparameter.name for hyperparameter in circular)
        yield SpecIssue(_path(circular[0]), f"`when` goes in a circle among {names}; remove one of these conditions")


def _compared_after_searched(space: SearchSpace) -> Iterator[SpecIssue]:
    searched = {hyperparameter.name for hyperparameter in space.hyperparameters} - space.compared_names()
    for hyperparameter in space.hyperparameters:
        parents = sorted(hyperparameter.parents & searched - space.fixed.keys())
        if hyperparameter.section == "compare" and parents:
            parent = parents[0]
            rule = f"a compared hyperparameter cannot depend on a searched one, got {parent}; move {parent} to compare"
            yield SpecIssue(_path(hyperparameter), rule)


def _unlisted_compared(space: SearchSpace) -> Iterator[SpecIssue]:
    for hyperparameter, branch, path in _branches(space):
        if hyperparameter.section == "compare" and branch.domain.enumerate_values() is None:
            rule = f"a compared hyperparameter needs a list of values, got {branch.domain}; move it to search"
            yield SpecIssue(path, rule)


def _unreachable(space: SearchSpace) -> Iterator[SpecIssue]:
    for hyperparameter, branch, path in _branches(space):
        settings = _ancestor_settings(space, hyperparameter)
        if not any(hyperparameter.active_branch(setting, as_written=True) is branch for setting in settings):
            yield SpecIssue(path, "can never be active; remove it, or loosen its `when`")


def _overlapping_cases(space: SearchSpace) -> Iterator[SpecIssue]:
    for hyperparameter in space.hyperparameters:
        for setting in _ancestor_settings(space, hyperparameter) if len(hyperparameter.branches) > 1 else ():
            active = [index for index, branch in enumerate(hyperparameter.branches) if branch.is_active(setting)]
            if len(active) > 1:
                rule = f"applies together with case {active[0] + 1}; let their `when` exclude each other"
                yield SpecIssue((*_path(hyperparameter), "cases", active[1]), rule)
                break


def _too_many_systems(space: SearchSpace) -> Iterator[SpecIssue]:
    settings = space.enumerate_settings(space.compared_names(), {})
    if count_up_to(settings, _MAX_SYSTEMS + 1) > _MAX_SYSTEMS:
        rule = f"has more than {_MAX_SYSTEMS:,} combinations; move a hyperparameter to search"
        yield SpecIssue(("compare",), rule)


def _ancestor_settings(space: SearchSpace, hyperparameter: Hyperparameter) -> Iterator[Params]:
    """Yield every setting of the hyperparameters that this one depends on, directly or not."""
    ancestors = space.with_ancestors(hyperparameter.parents)
    settings = space.critical_values().enumerate_settings(ancestors, {}, as_written=True)
    yield from ({**space.fixed_values, **setting} for setting in settings)


def _branches(space: SearchSpace) -> Iterator[tuple[Hyperparameter, ConditionalDomain, KeyPath]]:
    """Yield every branch with its hyperparameter and its place in the file."""
    for hyperparameter in space.hyperparameters:
        for index, branch in enumerate(hyperparameter.branches):
            cases: KeyPath = ("cases", index) if len(hyperparameter.branches) > 1 else ()
            yield hyperparameter, branch, (*_path(hyperparameter), *cases)


def _path(hyperparameter: Hyperparameter) -> KeyPath:
    return hyperparameter.section, hyperparameter.name
