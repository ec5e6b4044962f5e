"""A terminal shows every text as it is: no markup, no emoji codes, no escape sequence of somebody else's."""

import io
import json
import os
import sys

import pytest
from hypothesis import given
from rich.spinner import Spinner
from rich.table import Table

from sweeper.terminal.literal_console import LiteralConsole, literal_text
from sweeper.terminal.output import PlainOutput
from sweeper.terminal.terminal import Terminal
from sweeper.wording import show_controls
from tests.support.nasty_texts import NASTY_TEXTS


def printed(renderable: object) -> str:
    out = io.StringIO()
    LiteralConsole(file=out, soft_wrap=True, width=400).print(renderable)
    return out.getvalue()


@given(NASTY_TEXTS)
def test_a_line_is_printed_as_it_is(text: str) -> None:
    line = " ".join(text.split())
    assert printed(line) == f"{show_controls(line)}\n"


@given(NASTY_TEXTS)
def test_a_table_and_a_spinner_show_a_text_as_it_is(text: str) -> None:
    line = f"x{' '.join(text.split())}"
    table = Table("head", box=None, title=line)
    table.add_row(line)
    title, _, row = printed(table).splitlines()
    assert {title.strip(), row.strip()} == {show_controls(line).strip()}
    assert show_controls(line) in printed(Spinner("dots", literal_text(line))).rstrip("\n") + " "


def test_a_program_that_prints_plain_lines_sends_no_escape_sequence(capsys: pytest.CaptureFixture[str]) -> None:
    PlainOutput().line("label \x1b[31m[/x]")
    assert capsys.readouterr().out == "label \\x1b[31m[/x]\n"


def test_events_are_json_behind_their_separator() -> None:
    reading, writing = os.pipe()
    stdout = os.dup(1)
    os.dup2(writing, 1)
    try:
        terminal = Terminal(relayed=True)
        terminal.event({"say": "label \x1b[31m"})
        terminal.restore()
        terminal.close()
    finally:
        sys.stdout.flush()
        os.dup2(stdout, 1)
        os.close(stdout)
        os.close(writing)
    sent = os.read(reading, 1000).decode()
    os.close(reading)
    assert sent.startswith("\x1e{")
    assert json.loads(sent[1:]) == {"say": "label \x1b[31m"}
