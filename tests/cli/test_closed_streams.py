"""A command whose standard streams are closed, or are a pipe that nobody reads, ends as it would have otherwise."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (">&-", 0),
        ("2>&-", 0),
        ("<&- >&- 2>&-", 0),
        ("| true", 0),
        ("nosuch >&-", 2),
        ("nosuch 2>&-", 2),
        ("--nosuch >&- 2>&-", 2),
    ],
)
def test_closed_streams_change_neither_exit_code_nor_output(ending: str, code: int, tmp_path: Path) -> None:
    command = f"set -o pipefail; {sys.executable} -m sweeper check {ending}"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "Traceback" not in done.stdout + done.stderr
    assert "nosuch" not in done.stdout
