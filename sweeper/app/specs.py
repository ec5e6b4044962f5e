"""Reads search spaces: from a file, or by name if they ship with sweeper."""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sweeper.data.local_files import FORMATS
from sweeper.errors import SearchSpaceError, UsageError
from sweeper.search_space import yaml_file
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SPEC, is_sweep
from sweeper.wording import allowed_hint

SHIPPED = Path(__file__).parents[1] / "search_spaces"  # in the wheel; a checkout has them beside the package


def shipped_spaces() -> dict[str, Path]:
    """Return the search spaces that ship with sweeper, by name."""
    folder = SHIPPED if SHIPPED.is_dir() else SHIPPED.parents[1] / "search_spaces"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_space(name: str | Path) -> Path:
    """Return the file of a search space. A path wins over the name of a shipped one. Raises UsageError."""
    path = Path(name)
    with suppress(OSError):  # a name that no file can have
        if is_sweep(path):
            return path / SPEC
        if _is_data(path):
            raise UsageError(
                f"{path}: is a data file, not a search space; sweeper new {shlex.quote(str(path))} writes one for it"
            )
        if path.exists() or path.suffix or len(path.parts) > 1:
            return path
    spaces = shipped_spaces()
    if path.name not in spaces and is_sweep(folder := Path("sweeps", path)):
        raise UsageError(f"{name}: is a sweep, not a search space; name its folder to use the one in it: {folder}")
    if path.name not in spaces:
        raise UsageError(f"{name}: neither a file nor a shipped search space, {allowed_hint(spaces, path.name)}")
    return spaces[path.name]


def _is_data(path: Path) -> bool:
    """Return True if a path has the ending of a data file, compressed or not, such as .csv or .jsonl.gz."""
    return any(suffix.lower() in FORMATS for suffix in path.suffixes[-2:]) and path.suffix not in (".yaml", ".yml")


def load_spec(name: str | Path, overrides: Sequence[str] = ()) -> SweepSpec:
    """Return the checked search space in a file, or the shipped one of this name. Raises SearchSpaceError.

    Each override is a `KEY.PATH=VALUE`, as in `budget.trials=8`.
    """
    return parse_spec(yaml_file.load_yaml(find_space(name), overrides))


def load_specs(names: Sequence[str | Path], overrides: Sequence[str] = ()) -> list[SweepSpec]:
    """Return all search spaces, checked before any of them runs. Raises SearchSpaceError with the mistakes of all."""
    specs, mistakes = [], []
    for name in names:
        try:
            specs.append(load_spec(name, overrides))
        except UsageError as error:
            mistakes += str(error).splitlines()
    if mistakes:
        raise SearchSpaceError(list(dict.fromkeys(mistakes)))  # a mistake in --set counts once
    return specs


def load_sweeps(names: Sequence[str | Path], overrides: Sequence[str] = ()) -> list[SweepSpec]:
    """Return search spaces that are to run, each a sweep of its own. Raises what `load_specs` raises.

    Raises UsageError if two are the same sweep: the second one would train everything again.
    """
    specs = load_specs(names, overrides)
    for k, spec in enumerate(specs):
        first = next((j for j in range(k) if specs[j].identity == spec.identity), None)
        if first is not None:
            raise UsageError(f"{names[first]} and {names[k]}: are the same sweep; name one of them")
    return specs
