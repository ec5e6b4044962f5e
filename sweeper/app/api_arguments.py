"""Checks of what a program gives to the Python API, where the command line has only strings."""

from collections.abc import Sequence
from pathlib import Path

from sweeper.errors import UsageError
from sweeper.search_space.parser import require_runnable
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.wording import quote_value

_EXAMPLE = "space.yaml"


def require_spec(spec: object, function: str) -> None:
    """Raise UsageError if the argument of a function such as `run` is no search space, with the call that is right.

    Raises SearchSpaceError if it has mistakes: `load` has checked it, but a program can also make or change one.
    """
    if not isinstance(spec, SweepSpec):
        path = str(spec) if isinstance(spec, str | Path) else _EXAMPLE
        remedy = f"write sweeper.{function}(sweeper.load({path!r}))"
        raise UsageError(f"sweeper.{function}: needs a search space, got {_describe(spec)}; {remedy}")
    require_runnable(spec)


def require_load_arguments(path: object, overrides: object) -> None:
    """Raise UsageError if the arguments of `load` are no path or name, and no list of overrides."""
    if not isinstance(path, str | Path):
        remedy = (
            "sweeper.SweepSpec.model_validate takes values"
            if isinstance(path, dict)
            else f"write sweeper.load({_EXAMPLE!r})"
        )
        raise UsageError(f"sweeper.load: needs a file or the name of a search space, got {_describe(path)}; {remedy}")
    values = overrides if isinstance(overrides, Sequence) and not isinstance(overrides, str) else (None,)
    if not all(isinstance(override, str) for override in values):
        example = [overrides] if isinstance(overrides, str) else ["budget.trials=5"]
        remedy = f"write {example}".replace("'", '"')
        raise UsageError(f"sweeper.load: overrides must be a list of strings, got {_describe(overrides)}; {remedy}")


def _describe(value: object) -> str:
    """Return a string or None as it is, and of another value its type: a dict."""
    if value is None:
        return "None"
    return f"the string {quote_value(str(value))}" if isinstance(value, str) else f"a {type(value).__name__}"
