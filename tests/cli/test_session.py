"""An interrupted command says with which command it continues, and only what is meant for the user is on the screen."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from sweeper.cli.session import cli_session, typed_command
from sweeper.errors import StorageError, SweepInterrupted
from tests.support.unprivileged import unprivileged


@pytest.mark.parametrize(
    ("typed", "continues"),
    [
        (["run", "quickstart"], "sweeper run quickstart"),
        (["run", "my space.yaml", "--fresh", "--set", "budget.trials=8"],
         "sweeper run 'my space.yaml' --set budget.trials=8"),
        (["submit", "a.yaml", "--fresh"], "sweeper submit a.yaml"),
    ],
)  # fmt: skip
def test_the_command_that_continues_is_the_typed_one_without_fresh(
    typed: Sequence[str], continues: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/usr/bin/sweeper", *typed])
    with pytest.raises(typer.Exit) as end, cli_session(resume_hint=f"it continues: {typed_command()}"):
        raise SweepInterrupted(143)
    assert end.value.exit_code == 143
    assert capfd.readouterr().err == f"interrupted; it continues: {continues}\n"


def test_a_warning_for_the_log_is_kept_off_the_screen() -> None:
    program = (
        "import logging; from sweeper.cli.session import cli_session\n"
        "with cli_session() as terminal: logging.getLogger('sweeper.app').warning('for the log'); terminal.line('said')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("said\n", "")


def fail_after_printing(printed: str) -> None:
    with cli_session() as terminal:
        terminal.capture_libraries()
        os.write(1, printed.encode())
        raise StorageError("a.txt", OSError(28, "No space left on device"))


@pytest.mark.parametrize("printed", ["what a library printed", ""])
def test_a_named_log_is_there_and_a_temporary_one_leaves_nothing_else(
    printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(typer.Exit):
        fail_after_printing(printed)
    _, *log = capfd.readouterr().err.splitlines()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert log == [f"log: {path}" for path in files]
    assert [path.read_text() for path in files] == ([printed] if printed else [])
    assert list(tmp_path.iterdir()) == [path.parent for path in files]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("file/inner", "file/inner: cannot be read or written (Not a directory)"),
        ("closed", "closed: cannot be read or written (Permission denied)"),
    ],
)
def test_a_file_that_cannot_be_read_is_not_called_one_that_cannot_be_written(
    name: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for file in ("file", "closed"):
        Path(file).touch(0o200)
    with unprivileged(), pytest.raises(typer.Exit) as end, cli_session():
        Path(name).read_bytes()
    assert end.value.exit_code == 2
    assert capfd.readouterr().err == f"{line}; fix that and run the same command again to continue\n"


def crash(error: Exception) -> None:
    with cli_session() as terminal:
        terminal.capture_libraries()
        raise error


@pytest.mark.parametrize("error", [KeyError("two\nlines"), OSError(34, "Numerical result out of range")])
def test_an_unforeseen_error_is_one_line_and_its_traceback_is_in_the_log(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(typer.Exit) as end:
        crash(error)
    assert end.value.exit_code == 1
    (log,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    line = f"unexpected error, probably a bug in sweeper: {type(error).__name__}: {' '.join(str(error).split())}"
    assert capfd.readouterr().err == f"{line}; the traceback is in {log}\n"
    text = log.read_text()
    assert text.startswith("Traceback (most recent call last):")
    assert "raise error" in text


def test_without_a_log_the_traceback_of_an_unforeseen_error_is_on_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end, cli_session():
        raise ValueError("[bold]as it is[/]")
    assert end.value.exit_code == 1
    shown = capfd.readouterr().err.splitlines()
    assert shown[0] == "Traceback (most recent call last):"
    assert shown[-1] == "unexpected error, probably a bug in sweeper: ValueError: [bold]as it is[/]"
    assert "ValueError: [bold]as it is[/]" in shown[:-1]
