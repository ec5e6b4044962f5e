"""TODO."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweeper.search_space.sweep_spec import SweepSpec


def specs_of(files: list[Path], overrides: list[str] | None) -> "list[SweepSpec]":
    """Read and check every file before any of them runs; the mistakes of all are told together."""
    from sweeper.errors import SearchSpaceError, UsageError
    from sweeper.search_space import yaml_file
    from sweeper.search_space.parser import parse_spec

    specs, mistakes = [], []
    for file in files:
        try:
            specs.append(parse_spec(yaml_file.load_yaml(file, overrides or ())))
        except UsageError as error:
            mistakes += str(error).splitlines()
    if mistakes:
        raise SearchSpaceError(mistakes)
    return specs
