"""A command that is killed leaves a line that says how it continues, and the terminal as it was."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli_runner import environment

PROGRAM = """
import os, signal, sys
from sweeper.cli.session import cli_session
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.trials.interfaces import ProgressView
from tests.support.search_spaces import small_spec

with cli_session(resume_hint="the same\\ncommand: it's 100% \\\\n \\u010d", has_last_words=True) as terminal:
    view = terminal.make_view(WatchedSweep("a name", small_spec(), [], slots=1)) if "view" in sys.argv else None
    for number in map(int, sys.argv[1].split(",")):
        os.kill(os.getpid(), number) if number else None
"""
WORDS = "the same\ncommand: it's 100% \\n \u010d\n"


def end_with(signals: str, *, view: bool = False) -> tuple[int, str]:
    """Let a command send itself these signals, on a terminal. Return its exit code and what the terminal got."""
    ours, theirs = pty.openpty()
    program = [sys.executable, "-c", PROGRAM, signals, *(["view"] if view else [])]
    variables = {**environment({}), "TERM": "xterm", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = subprocess.Popen(program, env=variables, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    sent = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # nobody has the other side open: the shell has ended too
            break
        if not data:
            break
        sent += data
    os.close(ours)
    return command.wait(timeout=60), sent.decode().replace("\r\n", "\n")


def test_a_killed_command_says_how_it_continues() -> None:
    code, sent = end_with(f"{signal.SIGKILL:d}")
    assert code == -signal.SIGKILL
    assert sent == f"\x1b[?25hended at once, by the system or by Ray; {WORDS}"


def test_a_killed_view_leaves_the_full_screen_first() -> None:
    _, sent = end_with(f"{signal.SIGKILL:d}", view=True)
    assert sent.endswith(f"\x1b[?1049l\x1b[?25hended at once, by the system or by Ray; {WORDS}")


@pytest.mark.parametrize("signals", ["0", f"{signal.SIGINT:d}", f"{signal.SIGINT:d},{signal.SIGTERM:d}"])
def test_a_command_that_ends_with_words_of_its_own_leaves_no_others(signals: str) -> None:
    assert "by the system" not in end_with(signals)[1]


def test_lines_in_a_file_have_no_control_characters(tmp_path: Path) -> None:
    variables = {**environment({}), "PYTHONPATH": str(Path(__file__).parents[2])}
    with (tmp_path / "errors").open("wb") as errors:
        program = [sys.executable, "-c", PROGRAM, f"{signal.SIGKILL:d}"]
        result = subprocess.run(program, env=variables, stdout=subprocess.PIPE, stderr=errors, check=False)
    assert result.stdout == b""
    assert (tmp_path / "errors").read_text() == f"ended at once, by the system or by Ray; {WORDS}"
