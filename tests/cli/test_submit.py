"""`sweeper submit` and `logs`: how a job that is followed ends, and what the user can do then."""

import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
import requests
import typer

from sweeper.app.bundle import NOTE, versions
from sweeper.cli.stop import stop_job
from sweeper.cli.submit import follow
from sweeper.data.file_digest import file_digest
from sweeper.errors import SweeperError
from sweeper.execution.job_server import JobServer, SubmittedJob
from sweeper.terminal.terminal import Terminal
from tests.support.run_here import run_here


@dataclass
class EndedJob:
    """A job server with one job, which has ended."""

    status: str
    exit_code: int | None = None
    message: str = ""
    address: str = "http://head:8265"
    insecure: bool = False
    pieces: list[str] = field(default_factory=list)

    def log(self, name: str) -> Iterator[str]:
        assert name == "a-1"
        yield from self.pieces

    def job(self, name: str) -> SubmittedJob:
        return SubmittedJob(name, self.status, ("a",), 10.0, 20.0, self.exit_code, self.message)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    terminal.console.file = terminal.errors.file = io.StringIO()
    yield terminal
    terminal.close()


def said(terminal: Terminal) -> list[str]:
    file = terminal.errors.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("server", "code", "line"),
    [
        (
            EndedJob("FAILED", -9, "Job entrypoint command failed with exit code -9"), 1,
            "a-1: its driver was killed (signal 9); the command continues where it stopped",
        ),
        (EndedJob("FAILED", 2, "it failed with exit code 2"), 2, "a-1 failed; it failed with exit code 2"),
        (EndedJob("FAILED", None, "no disk"), 1, "a-1 failed; no disk"),
        (EndedJob("STOPPED", 143), 143, "a-1 was stopped; the command continues where it stopped"),
    ],
)  # fmt: skip
def test_a_job_that_ended_otherwise_is_one_line_and_an_exit_code(
    terminal: Terminal, server: EndedJob, code: int, line: str
) -> None:
    with pytest.raises(typer.Exit) as ended:
        follow(terminal, cast("JobServer", server), "a-1", again="the command")
    assert ended.value.exit_code == code
    assert said(terminal) == [line]


class LostHead(EndedJob):
    """A job server whose head dies while a job is followed."""

    def log(self, name: str) -> Iterator[str]:
        yield f"{name}: fetching\n"
        raise SweeperError("http://head:8265: the cluster no longer answers (no route)")


def test_where_the_head_may_be_lost_submitting_again_continues_the_sweep(terminal: Terminal) -> None:
    with pytest.raises(SweeperError, match="no longer answers"):
        follow(terminal, cast("JobServer", LostHead("RUNNING")), "a-1", again="sweeper submit a.yaml")
    assert said(terminal) == [
        "a-1: fetching",
        "a-1 may continue; follow it: sweeper logs a-1 --address http://head:8265",
        "if its head was lost, sweeper submit a.yaml continues where it stopped",
    ]


class RunningJob(EndedJob):
    """A job server whose job runs until it is asked to stop, and ends with `status`."""

    is_asked = False

    def jobs(self) -> list[SubmittedJob]:
        return [self.job("a-1")]

    def job(self, name: str) -> SubmittedJob:
        return SubmittedJob(name, self.status if self.is_asked else "RUNNING", ("a",), 10.0, None, None, "")

    def stop(self, name: str) -> None:
        assert name == "a-1"
        self.is_asked = True


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("STOPPED", "a-1 is stopped; submitting it again continues where it stopped"),
        ("SUCCEEDED", "a-1 was over before it stopped: succeeded"),
        ("FAILED", "a-1 was over before it stopped: failed"),
    ],
)
def test_a_job_that_ended_by_itself_is_not_called_stopped(terminal: Terminal, status: str, line: str) -> None:
    stop_job(terminal, cast("JobServer", RunningJob(status)), "a", None)
    assert said(terminal)[-1] == line


def test_a_command_that_has_submitted_nothing_yet_is_still_fresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(requests, "get", interrupt)
    typed = ["submit", "quickstart", "--fresh", "--address", "http://127.0.0.1:9"]
    monkeypatch.setattr(sys, "argv", ["sweeper", *typed])
    done = run_here(typed, tmp_path)
    again = f"the same command submits it: sweeper {' '.join(typed)}"
    assert (done.returncode, done.stderr) == (130, f"interrupted; {again}\n")


def test_a_job_works_where_its_files_are_kept(tmp_path: Path) -> None:
    (data := tmp_path / "files" / "0" / "reviews.csv").parent.mkdir(parents=True)
    data.write_text("text,label\n")
    (space := tmp_path / "a.yaml").write_text("dataset: {train: files/0/gone.csv}\ncompare: {encoder: gru}\n")
    files = {str(path.relative_to(tmp_path)): file_digest(path) for path in (data, space)}
    (tmp_path / NOTE).write_text(json.dumps({"versions": versions(), "files": files}))
    done = run_here(["run", "a.yaml", "--parcel", NOTE, "--sweeps", str(tmp_path / "sweeps")], tmp_path)
    (kept,) = (tmp_path / "sweeps" / ".sent").iterdir()
    assert (kept / "files" / "0" / "reviews.csv").is_file()
    assert done.returncode == 2
    assert f"{kept}/files/0/gone.csv" in done.stdout + done.stderr
