"""`sweeper new` asks on a terminal, and says what was wrong with an answer."""

from io import StringIO

import pytest

from sweeper.cli.new import _ask
from sweeper.terminal.terminal import Terminal


def test_an_answer_that_is_none_of_the_list_is_told_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("3\nreveiw\n2\n"))
    terminal = Terminal()
    assert _ask(terminal, "which column is the text?", {"review": "nice", "title": "a film"}) == "title"
    terminal.close()
    said = " ".join(capfd.readouterr().out.split())
    for answer in ("'3'", "reveiw"):
        assert f"{answer} is none of the answers; write a number from 1 to 2, or a name of the list" in said
