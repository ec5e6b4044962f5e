"""Help texts whose lines break where the terminal ends."""

import inspect
from collections.abc import Callable
from typing import Any


def flowing_help(command: Callable[..., Any]) -> str:
    """Return the docstring of a command with each paragraph on one line.

    Typer keeps the line ends of the source in all paragraphs except the first.
    """
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
