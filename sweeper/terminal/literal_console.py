"""A console that shows every text as it is: no markup, no emoji codes, and control characters as escapes."""

from typing import Any

from rich.console import Console
from rich.text import Text

from sweeper.terminal.word_wrap import wrap_words
from sweeper.wording import show_controls


class LiteralConsole(Console):
    """A console for texts that may contain anything: labels, paths, names, messages of libraries."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text, or the cell of a table, as rich shows it."""
        return super().render_str(show_controls(text, keep="\n\t"), **options)

    def print_lines(self, text: str, style: str | None = None) -> None:
        """Print lines. On a terminal, those that are too long are broken between words, elsewhere none."""
        lines = wrap_words(text, self.width) if self.is_terminal else text
        self.print(lines, style=style, markup=False, soft_wrap=True)


def literal_text(text: str, **options: Any) -> Text:
    """Return a text of one line for places in which rich would read a string as markup."""
    return Text(show_controls(text), **options)
