"""A setting with some values changed by a user, for a trial that stays in its system and in its search space."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from sweeper.errors import UsageError
from sweeper.search_space.space import ConditionalDomain, Params, SearchSpace
from sweeper.search_space.yaml_file import parse_overrides
from sweeper.training.config import Scalar
from sweeper.wording import allowed_hint, format_value


def parse_changes(overrides: Sequence[str]) -> dict[str, Scalar]:
    """Return the values of `NAME=VALUE` texts by name. Raises UsageError, also for a name that is given twice."""
    changes: dict[str, Scalar] = {}
    for override, (path, value) in parse_overrides(overrides, "learning_rate=2e-5").items():
        name = ".".join(map(str, path))
        if not isinstance(value, bool | int | float | str):
            raise UsageError(f"--set {override}: {name} must be one value, got {format_value(value)}")
        changes[name] = value
    return changes


def change_setting(space: SearchSpace, system: Params, params: Mapping[str, Scalar], changes: Params) -> Params:
    """Return the setting `params` of a system with these values changed. It has a value for each active hyperparameter.

    A hyperparameter that becomes inactive is left out. Raises UsageError, in one line, for a name that is not searched,
    for a value outside the space, and for a hyperparameter that becomes active and has no value.
    """
    for name, value in changes.items():
        _require_searched(space, name, value)
    setting = dict(system)
    for hyperparameter in space.searched_hyperparameters():
        name = hyperparameter.name
        branch = hyperparameter.active_branch({**space.fixed_values, **setting})
        if branch is None and name in changes:
            depends = ", ".join(sorted(hyperparameter.parents))
            raise UsageError(
                f"--set {name}={format_value(changes[name])}: is inactive in this setting, see {depends}; leave it out"
            )
        if branch is not None:
            setting[name] = _value(name, branch, params, changes)
    return setting


def _require_searched(space: SearchSpace, name: str, value: Scalar) -> None:
    searched = [hyperparameter.name for hyperparameter in space.searched_hyperparameters()]
    if name in searched:
        if not space.hyperparameter(name).contains(value):
            number = _as_number(value)
            if number is not None and space.hyperparameter(name).contains(number):
                raise UsageError(f"{name}: must be the number {format_value(number)}, got the string '{value}'")
            allowed = space.hyperparameter(name).describe_values()
            raise UsageError(f"--set {name}={format_value(value)}: is outside the space, allowed: {allowed}")
        return
    place = f"--set {name}={format_value(value)}"
    if name in space.compared_names():
        raise UsageError(f"{place}: {name} is compared, and a trial stays in its system; clone a trial of that system")
    if name in space.fixed:
        raise UsageError(f"{place}: {name} is the same in every trial of this sweep; another value is another sweep")
    raise UsageError(f"{place}: is not searched in this sweep, {allowed_hint(searched, name)}")


def _as_number(value: Scalar) -> int | float | None:
    """Return the number that a text means, such as '16' of a program; None if it means none."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(value) if isinstance(value, str) else None
    return None


def _value(name: str, branch: ConditionalDomain, params: Mapping[str, Scalar], changes: Params) -> Scalar:
    """Return the value of an active hyperparameter: the changed one, else that of the setting."""
    value = changes.get(name, params.get(name))
    if value is None:
        raise UsageError(
            f"--set {name}=VALUE: is missing, because {name} is active in this setting; allowed: {branch.domain}"
        )
    if not branch.domain.contains(value):
        raise UsageError(
            f"--set {name}={format_value(value)}: is outside the range in this setting, allowed: {branch.domain}"
        )
    return branch.domain.as_listed(value)
