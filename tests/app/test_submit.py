"""Jobs of a cluster are found by their own name or a sweep's, and get only the variables that a driver needs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from sweeper.app.submit import Submission, driver_environment, find_job, require_head_folder, submit_sweeps
from sweeper.errors import SweepLockedError, UsageError
from sweeper.execution.job_server import JobServer, SubmittedJob
from sweeper.terminal.output import PlainOutput
from tests.support.search_spaces import small_spec


class Cluster:
    """A job server with three jobs, two of them of the same sweep. It remembers what is submitted to it."""

    address, max_upload, insecure = "http://head:8265", 1_000_000, False

    def __init__(self) -> None:
        self.more: list[SubmittedJob] = []
        self.submitted: list[tuple[str, str]] = []  # name and command

    def submit(self, name: str, command: str, folder: Path, env: Mapping[str, str], sweeps: tuple[str, ...]) -> None:
        assert (folder / f"{sweeps[0]}.yaml").exists()
        self.submitted.append((name, command))

    def jobs(self) -> list[SubmittedJob]:
        return [
            SubmittedJob("a-1", "STOPPED", ("a",), 10.0, 20.0, 143, ""),
            SubmittedJob("a-2", "RUNNING", ("a", "b"), 30.0, None, None, ""),
            SubmittedJob("c-1", "SUCCEEDED", ("c",), 40.0, 50.0, 0, ""),
            *self.more,
        ]

    def job(self, name: str) -> SubmittedJob:
        for job in self.jobs():
            if job.id == name:
                return job
        raise UsageError(f"{name}: no such job")


@pytest.mark.parametrize(("name", "job"), [("a", "a-2"), ("b", "a-2"), ("c", "c-1"), ("a-1", "a-1"), ("a-2", "a-2")])
def test_a_job_is_found_by_its_sweep_the_running_one_first(name: str, job: str) -> None:
    assert find_job(cast("JobServer", Cluster()), name).id == job


def test_an_unknown_name_is_the_servers_error() -> None:
    with pytest.raises(UsageError, match="d: no such job"):
        find_job(cast("JobServer", Cluster()), "d")


def submit(cluster: Cluster, *, sweeps: str | None = None, fresh: bool = False) -> Submission:
    server = cast("JobServer", cluster)
    return submit_sweeps(PlainOutput(progress=False), server, [small_spec()], {}, sweeps=sweeps, fresh=fresh)


def test_a_job_has_the_name_of_its_sweep_and_a_number_that_no_job_has() -> None:
    cluster = Cluster()
    first = submit(cluster)
    (sweep,) = first.sweeps
    assert first.job == f"{sweep}-1"
    cluster.more = [SubmittedJob(f"{sweep}-1", "FAILED", (sweep,), 60.0, 70.0, 1, "")]
    assert submit(cluster, sweeps="/a b/sweeps", fresh=True).job == f"{sweep}-2"
    run = f"exec sweeper run {sweep}.yaml --parcel parcel.json"
    assert cluster.submitted == [
        (f"{sweep}-1", run + ' --sweeps "${SWEEPER_SWEEPS:-$HOME/sweeps}"'),
        (f"{sweep}-2", f"{run} --fresh --sweeps '/a b/sweeps'"),
    ]


def test_the_head_expands_its_own_home_folder() -> None:
    cluster = Cluster()
    submit(cluster, sweeps="~/my sweeps")
    assert cluster.submitted[0][1].endswith(""" --sweeps "$HOME"/'my sweeps'""")


@pytest.mark.parametrize("sweeps", ["sweeps", "./s", "~", "~me/s", "../s"])
def test_a_relative_folder_of_sweeps_is_refused(sweeps: str) -> None:
    with pytest.raises(UsageError) as refused:
        require_head_folder(sweeps)
    assert str(refused.value) == (
        f"--sweeps {sweeps}: must begin with / or ~/, because the head has no folder in which you are; "
        "name a folder of the head, such as ~/sweeps"
    )


@pytest.mark.parametrize("sweeps", [None, "/s", "~/s"])
def test_a_folder_of_the_head_is_taken(sweeps: str | None) -> None:
    require_head_folder(sweeps)


def test_a_sweep_that_runs_already_is_not_submitted_again() -> None:
    cluster = Cluster()
    (sweep,) = submit(Cluster()).sweeps
    cluster.more = [SubmittedJob("other-7", "PENDING", ("b", sweep), 60.0, None, None, "")]
    with pytest.raises(SweepLockedError) as refused:
        submit(cluster)
    follow = "sweeper logs other-7 --address http://head:8265"
    assert str(refused.value) == f"{sweep} runs already, as other-7; follow it with  {follow}"
    assert cluster.submitted == []
    cluster.insecure = True
    with pytest.raises(SweepLockedError, match=f"follow it with  {follow} --insecure$"):
        submit(cluster)


# ---- the variables of the driver


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set only variables that must not leave this machine unless they are named."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name in ("AWS_SECRET_ACCESS_KEY", "HOME", "PATH", "USER", "EDITOR", "HF_HOME", "MY_MLFLOW_PASSWORD"):
        monkeypatch.setenv(name, "private")


@pytest.mark.usefixtures("private")
def test_the_driver_gets_the_variables_of_mlflow_and_the_hub_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {
        "MLFLOW_TRACKING_URI": "https://mlflow.example.org",
        "MLFLOW_TRACKING_TOKEN": "t",
        "HF_ENDPOINT": "https://hub.example.org",
        "HF_TOKEN": "hf_t",
        "HF_HUB_OFFLINE": "1",
    }
    for name, value in needed.items():
        monkeypatch.setenv(name, value)
    assert driver_environment(PlainOutput(), []) == needed


@pytest.mark.usefixtures("private")
def test_a_variable_that_is_named_is_passed_too_and_must_be_set() -> None:
    assert driver_environment(PlainOutput(), ["EDITOR"]) == {"EDITOR": "private"}
    with pytest.raises(UsageError, match="--env NOTHING: is not set here; set it, or leave it out"):
        driver_environment(PlainOutput(), ["EDITOR", "NOTHING"])


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize("store", ["sqlite:///mlflow.db", "file:///mlruns", "/mlruns", "./mlruns"])
def test_an_mlflow_store_on_this_machine_is_not_passed_unless_it_is_named(
    store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    assert driver_environment(PlainOutput(), []) == {}
    assert capsys.readouterr().out == (
        "MLFLOW_TRACKING_URI is a file here, and is not passed on; the head keeps mlflow.db with its sweeps\n"
    )
    assert driver_environment(PlainOutput(), ["MLFLOW_TRACKING_URI"]) == {"MLFLOW_TRACKING_URI": store}
    assert capsys.readouterr().out == ""
