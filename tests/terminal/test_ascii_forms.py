"""On a terminal that is not set to UTF-8, everything is drawn in ASCII."""

import io
import os
from collections.abc import Mapping

import pytest

from sweeper.terminal.ascii_forms import ASCII_FORMS, terminal_encoding
from sweeper.terminal.terminal import Terminal
from tests.terminal.test_live_view import drawn


@pytest.mark.parametrize(
    ("environment", "encoding"),
    [
        ({}, "utf-8"),
        ({"LANG": "C"}, "ascii"),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "ascii"),  # as Python changes it
        ({"LANG": "C.UTF-8"}, "utf-8"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "POSIX"}, "ascii"),
        ({"LANG": "C", "LC_CTYPE": "de_DE.utf8"}, "utf-8"),
        ({"LANG": "de_DE.ISO-8859-15@euro"}, "ascii"),
        ({"LANG": "fa_IR"}, "utf-8"),
    ],
)
def test_the_locale_decides(environment: Mapping[str, str], encoding: str) -> None:
    assert terminal_encoding(environment) == encoding


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_live_view_keeps_its_columns(width: int) -> None:
    text = drawn(width)
    plain = text.encode("ascii", errors=ASCII_FORMS).decode("ascii")
    assert [len(line) for line in plain.splitlines()] == [len(line) for line in text.splitlines()]
    assert "?" not in plain
    assert "3 ce" in plain
    assert "3|7|.." in plain
    assert "search ==" in plain


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("fetching sst5 …", "fetching sst5 ..."),
        ("all-Mini…", "all-Mini~"),
        ("46.7 ± 1.7 (3; 3)ᵃ", "46.7 +- 1.7 (3; 3)a"),
        ("متن", "???"),
    ],
)
def test_texts_have_readable_forms(text: str, written: str) -> None:
    assert text.encode("ascii", errors=ASCII_FORMS).decode() == written


def test_a_terminal_follows_its_locale_and_a_pipe_is_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    for is_terminal, encoding in ((True, "ascii"), (False, "utf-8")):
        monkeypatch.setattr(os, "isatty", lambda _, answer=is_terminal: answer)
        terminal = Terminal()
        assert isinstance(terminal.console.file, io.TextIOWrapper)
        assert terminal.console.file.encoding == encoding
        terminal.close()
