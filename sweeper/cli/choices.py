"""Options that take a name of a registry."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

import typer

from sweeper.wording import allowed_hint, quote_value


class Labelled(Protocol):
    """An entry of a registry."""

    @property
    def label(self) -> str:
        """The entry's name for people."""


class Format(Labelled, Protocol):
    """An entry of a registry of file formats."""

    @property
    def suffix(self) -> str:
        """The ending of its files, such as .csv."""


def one_of(names: Collection[str]) -> Callable[[str], str]:
    """Return a parser of an option that accepts one of `names`."""

    def parse(value: str) -> str:
        if value not in names:
            raise typer.BadParameter(f"{quote_value(value)} is unknown; {allowed_hint(names, value)}")
        return value

    return parse


def valid_by(problem_of: Callable[[str], str]) -> Callable[[str], str]:
    """Return a parser of an option that accepts the values of which `problem_of` returns ""."""

    def parse(value: str) -> str:
        if problem := problem_of(value):
            raise typer.BadParameter(problem)
        return value

    return parse


def labels_of(registry: Mapping[str, Labelled]) -> str:
    """Return the names of a registry with their labels, for the help."""
    return ", ".join(f"{name} ({entry.label})" for name, entry in registry.items())


def chosen_format(named: str | None, out: Path | None, formats: Mapping[str, Format], default: str) -> str:
    """Return the format that --format names, else the one of the ending of --out. Raises UsageError if it has none."""
    from sweeper.app.output_paths import format_of_file

    endings = {entry.suffix: name for name, entry in formats.items()}
    return named or format_of_file(out, endings, default, "or name the format with --format")


def format_option(names: Collection[str], described: str, default: str) -> Any:
    """Return the option --format, which takes one of these names. Without it, the ending of --out decides."""
    return typer.Option(
        "--format",
        parser=one_of(names),
        metavar="NAME",
        help=f"The format: {described}.",
        show_default=f"that of --out, else {default}",
    )
