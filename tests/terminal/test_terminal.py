"""On a terminal the live view opens and closes, and no line of a library is ever on it."""

import os
import pty
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from sweeper.terminal.literal_console import LiteralConsole
from sweeper.terminal.terminal import Terminal
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


def on_a_terminal(arguments: list[str], cwd: Path, extra: dict[str, str]) -> tuple[int, str]:
    """Exit code, and all that the terminal was sent."""
    ours, theirs = pty.openpty()
    kept = {name: value for name, value in environment(extra).items() if name != "NO_COLOR"}
    command = subprocess.Popen(
        [*SWEEPER, *arguments], cwd=cwd, env={**kept, "TERM": "xterm", "LINES": "30"},
        stdin=theirs, stdout=theirs, stderr=theirs,
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
    os.close(ours)
    return command.wait(timeout=60), sent.decode("utf-8", errors="replace")


@pytest.mark.ray
@pytest.mark.mlflow
def test_a_sweep_has_the_terminal_to_itself_and_gives_it_back(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE)
    code, sent = on_a_terminal(["run", "space.yaml"], tmp_path, {})
    assert code == 0, sent
    assert sent.count("\x1b[?1049h") == sent.count("\x1b[?1049l") == 1
    assert "0/2" in sent
    left = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sent.rpartition("\x1b[?1049l")[2])
    assert "2 of 2 trials done" in left
    assert "best per system by validation/accuracy" in left
    for word in ("WARNING", "INFO", ".py:", "(raylet)", "Traceback", "Warning:"):
        assert word not in sent


def test_output_of_a_library_during_a_step_is_not_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    terminal, out = Terminal(), StringIO()
    terminal.console = LiteralConsole(file=out, force_terminal=True, width=80)
    with terminal.step("fetching") as show_progress:
        print("a library's warning", file=sys.stderr)
        show_progress("3 of 4 MB")
    terminal.close()
    assert "a library's warning" not in out.getvalue()
    assert "a library's warning" in capfd.readouterr().err
