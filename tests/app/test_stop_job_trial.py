"""One trial of a job's sweep is stopped by a second job beside it, and each reason against it is one line."""

import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest

from sweeper.app.stop_job_trial import stop_trial_of_job
from sweeper.app.submit import find_job
from sweeper.errors import SweeperError, UsageError
from sweeper.execution.job_server import JobServer, SubmittedJob
from sweeper.search_space.yaml_file import dump_yaml
from sweeper.storage.requests import Requests, StopRequest
from sweeper.terminal.output import PlainOutput
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import stopped_by_user
from tests.support.cli_runner import sweeper
from tests.support.recorded_sweeps import RecordedSweep


class Head:
    """A job server whose jobs have the folder `sent`. What runs beside a job is a real command, by a real shell."""

    address, insecure = "http://head:8265", False

    def __init__(self, folder: Path) -> None:
        self.sent, self.sweeps, self.status = folder / "sent", folder / "its sweeps", "RUNNING"
        self.sent.mkdir()
        self.commands: list[str] = []
        self.answer = ""  # of a cluster that cannot run a command

    def jobs(self) -> list[SubmittedJob]:
        return [
            SubmittedJob("one-1", self.status, ("one",), 10.0, None, None, ""),
            SubmittedJob("two-1", "RUNNING", ("two", "three"), 20.0, None, None, ""),
        ]

    def job(self, name: str) -> SubmittedJob:
        return next(job for job in self.jobs() if job.id == name)

    def command(self, job: str) -> str:
        files = " ".join(f"{name}.yaml" for name in self.job(job).sweeps)
        return f"exec sweeper run {files} --parcel parcel.json --sweeps {shlex.quote(str(self.sweeps))}"

    def run_beside(self, job: str, command: str) -> str:
        self.commands.append(f"{job}: {command}")
        if self.answer:
            return self.answer
        begin, *arguments = shlex.split(command)[1:]
        assert (begin, command.split()[0]) == ("sweeper", "exec")
        done: subprocess.CompletedProcess[str] = sweeper(*arguments, cwd=self.sent, extra={"COLUMNS": "40"})
        assert done.returncode == 0, done.stderr
        return f"Running entrypoint for job {job}\n{done.stdout}{done.stderr}"

    def has_sent(self, sweep: RecordedSweep, name: str) -> None:
        """Put the search space of a sweep into the folder that was sent."""
        values = sweep.spec.model_dump(mode="json", exclude_none=True)
        (self.sent / f"{name}.yaml").write_text(dump_yaml(values))

    def stop(self, name: str, trial: int) -> str:
        """Return what `sweeper stop NAME TRIAL` prints."""
        server = cast("JobServer", self)
        return stop_trial_of_job(PlainOutput(progress=False), server, find_job(server, name), name, trial)


@pytest.fixture
def head(tmp_path: Path) -> Head:
    return Head(tmp_path)


@contextmanager
def driven(sweep: RecordedSweep) -> Iterator[None]:
    """Drive a sweep in another thread: it ends each trial that somebody asks it to."""
    drives, is_over = threading.Event(), threading.Event()

    def drive() -> None:
        with sweep.study() as study:
            trials = {record.trial.number: record.trial for record in study.all_trials()}
            requests = Requests(sweep.folder.journal)
            drives.set()
            while not is_over.wait(0.01):
                for request in requests():
                    assert isinstance(request, StopRequest)
                    study.end_trial(trials[request.trial], stopped_by_user(1))

    driver = threading.Thread(target=drive, daemon=True)
    driver.start()
    assert drives.wait(30)
    yield
    is_over.set()
    driver.join(30)


def test_a_running_trial_ends_and_one_that_has_ended_is_left(head: Head) -> None:
    sweep = RecordedSweep(head.sweeps).search([Outcome.COMPLETED, None])
    newer = RecordedSweep(head.sweeps).search([None])  # of the same search space, and nobody drives it
    head.has_sent(sweep, "one")
    with driven(sweep):
        assert head.stop("one", 3) == "trial 3: stopped by the user after epoch 1"
        assert head.stop("one-1", 1) == "trial 1 has ended already: completed"
    assert {command.partition(" --sweeps ")[0] for command in head.commands} == {
        "one-1: exec sweeper stop one.yaml 3 --in-job",
        "one-1: exec sweeper stop one.yaml 1 --in-job",
    }
    assert not (newer.folder.path / "requests").exists()


def test_a_trial_that_cannot_be_stopped_is_the_users_mistake(head: Head) -> None:
    sweep = RecordedSweep(head.sweeps).search([None])
    head.has_sent(sweep, "one")
    folder = sweep.folder.path
    with driven(sweep), pytest.raises(UsageError) as unknown:
        head.stop("one", 9)
    assert str(unknown.value) == f"one-1: {folder}: has no trial 9, allowed: 1 to 2"
    with pytest.raises(UsageError) as idle:
        head.stop("one", 1)
    assert str(idle.value) == (
        f"one-1: {folder}: nobody drives this sweep, so trial 1 does not run; there is nothing to stop"
    )


def test_of_several_sweeps_the_one_that_is_named_is_meant(head: Head) -> None:
    for name, seeds in (("two", 1), ("three", 3)):
        head.has_sent(RecordedSweep(head.sweeps, confirm={"seeds": seeds}, seed=seeds).search([None]), name)
    with pytest.raises(UsageError) as caught:
        head.stop("two-1", 1)
    assert str(caught.value) == (
        "two-1: has 2 sweeps, two, three; name the one that has trial 1, such as  "
        "sweeper stop two 1 --address http://head:8265"
    )
    assert head.commands == []
    with pytest.raises(UsageError, match="nobody drives this sweep"):
        head.stop("three", 1)
    assert head.commands[0].startswith("two-1: exec sweeper stop three.yaml 1 ")


def test_a_job_that_is_over_runs_no_trial(head: Head) -> None:
    head.status = "SUCCEEDED"
    with pytest.raises(
        UsageError, match=r"^one-1: is over \(succeeded\), so trial 3 does not run; there is nothing to"
    ):
        head.stop("one", 3)
    assert head.commands == []


def test_a_folder_without_the_sweep_is_said_in_one_line(head: Head) -> None:
    head.has_sent(RecordedSweep(head.sent / "elsewhere").search([None]), "one")
    with pytest.raises(UsageError) as caught:
        head.stop("one", 1)
    assert str(caught.value) == (
        f"one-1: {head.sweeps}: has no sweep of one yet; wait for its first trial, and if the cluster starts jobs on "
        "other nodes than its head, keep the sweeps where all nodes see them"
    )


def test_a_cluster_that_cannot_run_the_command_is_no_mistake_of_the_user(head: Head) -> None:
    head.answer = "Running entrypoint for job one-1\nNo such option: --in-job\n\n"
    with pytest.raises(SweeperError) as caught:
        head.stop("one", 1)
    assert caught.value.exit_code == 1
    assert str(caught.value).endswith(
        "did not run the command that stops trial 1 (No such option: --in-job); give it again, or stop the whole job:  "
        "sweeper stop one-1 --address http://head:8265"
    )
