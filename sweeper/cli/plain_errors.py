"""Mistakes on the command line as one plain line with exit code 2, like any other bad input."""

import sys
from collections.abc import Sequence
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from sweeper.wording import quote_value

_CommandLineError: Any = typer.BadParameter.__mro__[2]  # click's ClickException, which Typer's newer releases vendor


class PlainErrorGroup(TyperGroup):
    """The group of all commands. Where Typer would draw a box around a mistake, it prints one line."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line, and exit with its code."""
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except _CommandLineError as error:
            if not standalone_mode:
                raise
            print(_describe(error), file=sys.stderr)
            sys.exit(2)
        except typer.Abort:
            sys.exit(1)
        if standalone_mode:
            sys.exit(code or 0)
        return code


def _describe(error: Any) -> str:
    """Return a mistake on one line, with the command that explains the right form."""
    command = error.ctx.command_path if getattr(error, "ctx", None) else "sweeper"
    text = " ".join(error.format_message().split()).rstrip(".").replace("Input should", "must")
    if isinstance(error.__cause__, ValidationError):
        text += f", got {quote_value(error.__cause__.errors()[0]['input'])}"
    if text.startswith("No such command") and "Did you mean" not in text:
        text += f", allowed: {', '.join(error.ctx.command.list_commands(error.ctx))}"
    return f"{command}: {text[:1].lower()}{text[1:]}; {command} --help lists what it takes"
