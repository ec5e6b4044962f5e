"""On a terminal the live view opens and closes, and no line of a library is ever on it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest

from sweeper.terminal.literal_console import LiteralConsole
from sweeper.terminal.paced_lines import PacedLines
from sweeper.terminal.terminal import Terminal
from tests.support import noisy_sweep
from tests.support.cli_runner import SWEEPER, environment

SPACE = """
dataset: feelings
compare: {encoder: [rnn], loss: [ce]}
search: {learning_rate: {log: [1e-3, 1e-2]}}
training: {epochs: 2, max_length: 16, embedding_size: 8, hidden_size: 8}
limit: {train: 72, validation: 36}
budget: {trials: 2}
confirm: {seeds: 1}
"""


def set_size(terminal: int, columns: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))


def on_a_terminal(program: Sequence[str], cwd: Path, columns: int = 100, resized: int = 0) -> tuple[int, str]:
    """Exit code, and all that the terminal was sent. Its width becomes `resized` once the live view is there."""
    ours, theirs = pty.openpty()
    set_size(ours, columns)
    kept = {name: value for name, value in environment({}).items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
    command = subprocess.Popen(
        program, cwd=cwd, env={**kept, "TERM": "xterm"}, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    sent = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        sent += data
        if resized and b"\x1b[?1049h" in sent and b"0/2" in sent:
            set_size(ours, resized)
    os.close(ours)
    return command.wait(timeout=60), sent.decode("utf-8", errors="replace")


def plain(sent: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sent)


def longest_line(text: str) -> int:
    return max(len(line.rstrip("\r")) for line in text.split("\n"))


@pytest.mark.mlflow
@pytest.mark.parametrize(
    ("program", "resized"),  # the sweep amid noise may be over before a frame of another width is due
    [
        pytest.param([sys.executable, noisy_sweep.__file__], 0, id="noise"),
        pytest.param([*SWEEPER, "run", "space.yaml"], 60, id="ray", marks=[pytest.mark.ray, pytest.mark.slow]),
    ],
)
def test_a_sweep_has_the_terminal_to_itself_and_gives_it_back(
    program: Sequence[str], resized: int, tmp_path: Path
) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    code, sent = on_a_terminal(program, tmp_path, columns=100, resized=resized)
    assert code == 0, sent
    assert sent.count("\x1b[?1049h") == sent.count("\x1b[?1049l") == 1
    assert "0/2" in sent
    before, _, after = sent.rpartition("\x1b[?1049l")
    frames = [longest_line(plain(frame)) for frame in before.split("\x1b[H")[1:]]
    assert max(frames) == 100
    assert frames[-1] == (resized or 100)
    left = " ".join(plain(after).split())
    assert "2 of 2 trials done" in left
    assert "best per system by validation/accuracy" in left
    for word in ("WARNING", "INFO", ".py:", "(raylet)", "Traceback", "Warning:"):
        assert word not in sent


ENDED_AT_ONCE = """
import contextlib, signal
from sweeper.errors import SweepInterrupted
from sweeper.terminal.terminal import Terminal

terminal = Terminal()
with contextlib.suppress(SweepInterrupted):
    terminal.interrupt(signal.SIGINT, None)
with terminal.console.screen():
    if {during}:
        terminal.interrupt(signal.SIGINT, None)
terminal.interrupt(signal.SIGINT, None)
"""


@pytest.mark.parametrize("during", [True, False], ids=["while the live view is there", "after it has closed"])
def test_a_second_signal_leaves_the_alternate_screen_once(during: bool, tmp_path: Path) -> None:
    """Left twice, a terminal puts the cursor back to where it was before the sweep, amid the lines printed since."""
    code, sent = on_a_terminal([sys.executable, "-c", ENDED_AT_ONCE.format(during=during)], tmp_path, columns=80)
    assert code == 130, sent
    assert sent.count("\x1b[?1049h") == sent.count("\x1b[?1049l") == 1
    assert sent.rpartition("\x1b[?25h")[2] == "ended at once\r\n"


def test_a_line_that_is_too_long_breaks_between_words(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE.replace("learning_rate", "learning_rat"))
    code, sent = on_a_terminal([*SWEEPER, "check", "space.yaml"], tmp_path, columns=40)
    assert code == 2
    assert longest_line(plain(sent)) <= 40
    assert " ".join(plain(sent).split()).endswith("max_length, precision; did you mean learning_rate?")


def test_a_mistake_on_the_command_line_breaks_between_words(tmp_path: Path) -> None:
    code, sent = on_a_terminal([*SWEEPER, "table", "--formatt", "md"], tmp_path, columns=40)
    assert code == 2
    assert longest_line(plain(sent)) <= 40
    text = "sweeper table: no such option --formatt; did you mean --format?; sweeper table --help lists what it takes"
    assert " ".join(plain(sent).split()) == text


def test_output_of_a_library_during_a_step_is_not_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    terminal, out = Terminal(), StringIO()
    terminal.console = LiteralConsole(file=out, force_terminal=True, width=80)
    with terminal.step("fetching") as show_progress:
        print("a library's warning", file=sys.stderr)
        show_progress("3 of 4 MB")
    terminal.close()
    assert "a library's warning" not in out.getvalue()
    assert "a library's warning" in capfd.readouterr().err


def test_progress_without_a_terminal_is_a_line_now_and_then_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(quiet=True)
    with terminal.step("predicting") as show_progress:
        assert isinstance(show_progress, PacedLines)
        show_progress("3 done")
        show_progress.due = 0
        show_progress("4 done")
    terminal.close()
    assert tuple(capfd.readouterr()) == ("", "predicting … 4 done\n")
