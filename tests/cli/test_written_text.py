"""The text of a command on the screen: Markdown is broken between words on a terminal, and nothing else is."""

from io import StringIO

import pytest

from sweeper.cli.written_text import write_text
from sweeper.terminal.literal_console import LiteralConsole
from sweeper.terminal.terminal import Terminal

NOTE = "- a note with more words than one line of a narrow terminal\n"
WRAPPED = "- a note with more words than one line\n  of a narrow terminal\n"


@pytest.mark.parametrize(
    ("is_terminal", "is_markdown", "shown"), [(True, True, WRAPPED), (True, False, NOTE), (False, True, NOTE)]
)
def test_markdown_is_broken_between_words_on_a_terminal(*, is_terminal: bool, is_markdown: bool, shown: str) -> None:
    terminal, out = Terminal(), StringIO()
    terminal.console = LiteralConsole(file=out, force_terminal=is_terminal, width=40)
    write_text(terminal, NOTE, None, is_markdown=is_markdown)
    terminal.close()
    assert out.getvalue() == shown
