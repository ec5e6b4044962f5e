"""`sweeper --version`, and the options that no command has."""

from typing import Annotated

import typer


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"sweeper {version('sweeper')}")
        except PackageNotFoundError:  # a checkout that is not installed
            print("sweeper, not installed")
        raise typer.Exit


def global_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options before the name of a command."""
