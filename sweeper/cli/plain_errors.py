"""Mistakes on the command line as one plain line with exit code 2, like any other bad input."""

import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from sweeper.wording import plain_rule, quote_value

_CommandLineError: Any = typer.BadParameter.__mro__[2]  # click's ClickException, which Typer's newer releases vendor

# What other programs call these commands.
_OTHER_WORDS = {"list": "ls", "status": "show", "remove": "rm", "delete": "rm", "validate": "check", "compare": "diff"}


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
            from sweeper.terminal.literal_console import LiteralConsole  # slow to import

            written = sys.argv[1:] if args is None else args
            LiteralConsole(stderr=True).print_lines(_describe(error, self._command_path(written)))
            sys.exit(2)
        except typer.Abort:
            sys.exit(1)
        if standalone_mode:
            sys.exit(code or 0)
        return code

    def _command_path(self, args: Sequence[str]) -> str:
        """Return the command that somebody wrote, for mistakes that do not name it."""
        return f"sweeper {args[0]}" if args and args[0] in self.commands else "sweeper"


def _describe(error: Any, written: str) -> str:
    """Return a mistake on one line, with the command that explains the right form; `written` if it names none."""
    command = error.ctx.command_path if getattr(error, "ctx", None) else written
    text = _describe_unknown_name(error) or " ".join(error.format_message().split()).rstrip(".")
    text = re.sub(r"Got unexpected extra argument\S* \((.*)\)", r"takes no argument \1", plain_rule(text))
    if isinstance(error.__cause__, ValidationError):
        text += f", got {quote_value(error.__cause__.errors()[0]['input'])}"
    return f"{command}: {text[:1].lower()}{text[1:]}; {command} --help lists what it takes"


def _nearest_options(option: str, names: Sequence[str]) -> list[str]:
    """Return the option that was probably meant: for a single letter, the only one that begins with it."""
    if len(option) > 2:
        near = get_close_matches(option.lstrip("-"), [name.lstrip("-") for name in names], n=1, cutoff=0.6)
        return [f"--{name}" for name in near]
    initial = [name for name in names if name.startswith(f"-{option}")]
    return initial if len(initial) == 1 else []


def _describe_unknown_name(error: Any) -> str:
    """Return the message on a command or option that does not exist, with the nearest name; "" for other mistakes."""
    option = getattr(error, "option_name", "")
    if option and hasattr(error, "possibilities"):
        parameters = error.ctx.command.params
        names = [name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)]
        near = _nearest_options(option, [name for name in names if name.startswith("--")])
        return f"no such option {quote_value(option)}{f'; did you mean {near[0]}?' if near else ''}"
    unknown = re.match(r"No such command '(.*?)'(\.|$)", error.format_message(), flags=re.DOTALL)
    if unknown is None:
        return ""
    names, word = error.ctx.command.list_commands(error.ctx), unknown[1]
    near = [_OTHER_WORDS[word]] if word in _OTHER_WORDS else get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else f", allowed: {', '.join(names)}"
    return f"no such command {quote_value(word)}{hint}"
