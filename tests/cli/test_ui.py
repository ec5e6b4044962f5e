"""`sweeper ui` serves MLflow's UI on the right store until it is ended, and shows where to look."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sweeper.record.optuna_study import OptunaStudy
from sweeper.storage.new_sweep import create_sweep
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.tracking.ui_server import serve_ui
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialEnd
from tests.cli.test_stop_and_watch import SPACE, wait_for_trial
from tests.support.cli_runner import runs_of, start, sweeper
from tests.support.fakes import report
from tests.support.run_here import run_here
from tests.support.search_spaces import small_spec


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    """A sweep of two trials, one of them confirmed, in the MLflow store beside it."""
    from sweeper.app import mlflow_sync

    spec = small_spec(confirm={"seeds": 1}, budget={"trials": 2})
    folder = create_sweep(tmp_path_factory.mktemp("ui") / "sweeps", spec, {"dataset": "d"}, 1)
    with closing(OptunaStudy(spec, folder.journal, 1)) as study:
        trials = [study.restart(study.ask(system)) for system in (0, 1)]
        trials.append(study.confirm(trials[0], 1))
        for trial in trials:
            study.report(trial, report(1, 0.4))
            study.end_trial(trial, TrialEnd(Outcome.COMPLETED))
        tracker = mlflow_sync.make_tracker(spec, folder, say=print)
        for one in study.all_trials():
            tracker.update(one)
        tracker.close(RunStatus.FINISHED, 120)
    assert tracker.pending_runs == 0
    return folder


@contextmanager
def running(
    *arguments: str, cwd: Path, extra: Mapping[str, str] | None = None
) -> "Iterator[tuple[subprocess.Popen[str], list[str]]]":
    """Give the running command, and what it has printed once MLflow answers."""
    command = start("ui", *arguments, cwd=cwd, extra=extra or {"BROWSER": "true"})
    said = []
    try:
        assert command.stdout is not None
        for line in command.stdout:
            said.append(line.rstrip("\n"))
            if line.startswith("Ctrl-C"):
                break
        yield command, said
    finally:
        command.terminate()  # it stops its server, which has a process group of its own
        with suppress(subprocess.TimeoutExpired):
            command.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)
        command.communicate()


def write_script(folder: Path) -> Path:
    """Return a script that writes the address that it is given to the file `opened`, as a browser would open it."""
    script = folder / "browser.py"
    script.write_text("import pathlib, sys\npathlib.Path(__file__).with_name('opened').write_text(sys.argv[1])")
    return script


def below(process: int) -> list[int]:
    """Return the descendants of a process."""
    with suppress(FileNotFoundError):
        listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        return [found for child in map(int, listed) for found in (child, *below(child))]
    return []


def served_trials(address: str, experiment: str) -> list[dict[str, Any]]:
    """Return the runs of the search that a server has in an experiment."""
    query = json.dumps({"experiment_ids": [experiment], "filter": "tags.`sweeper.stage` = 'search'"}).encode()
    asked = urllib.request.Request(f"{address}/api/2.0/mlflow/runs/search", query, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        runs: list[dict[str, Any]] = json.load(answer).get("runs", [])
        return runs


@pytest.mark.mlflow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_it_serves_the_store_beside_the_sweep_until_it_is_ended(
    number: signal.Signals, code: int, tracked: SweepFolder, tmp_path: Path
) -> None:
    (tmp_path / "profile.py").write_text("raise SystemExit('a script of the user')")
    (tmp_path / "fastapi.py").write_text("raise SystemExit('a script of the user')")
    browser = {"BROWSER": f"{sys.executable} {write_script(tmp_path)} %s"}
    with running(str(tracked.path), cwd=tmp_path, extra=browser) as (command, said):
        address = next(line for line in said if line.startswith("MLflow's UI:")).split()[-1]
        compared = urlsplit(next(line for line in said if "compared" in line).split()[-1]).fragment
        listed = next(line for line in said if line.startswith("its trials:")).split(maxsplit=2)[-1]
        with urllib.request.urlopen(f"{address}/health", timeout=30) as answer:
            assert answer.status == 200
        experiment = listed.partition("/experiments/")[2].partition("/")[0]
        runs = served_trials(address, experiment)
        assert compared.startswith(f"/experiments/{experiment}/runs?viewStateShareKey=sweeper-{tracked.fingerprint}")
        assert len(runs) == 2
        assert (tmp_path / "opened").read_text() == f"{address}/#{compared}"
        assert any(line.startswith("its results:") for line in said)
        started = below(command.pid)
        assert started
        command.send_signal(number)
        assert command.wait(60) == code
        assert not [process for process in started if Path(f"/proc/{process}").exists()]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "browser.py",
        "fastapi.py",
        "opened",
        "profile.py",
    ]  # the server left nothing


def wait_for_run(sweeps: Path, trial: int) -> None:
    """Wait until MLflow has the run of this trial of the only sweep, which is sent in the background."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(AssertionError):  # there is no experiment yet
            if (sweeps / "mlflow.db").exists() and trial in runs_of(sweeps, "feelings"):
                return
        time.sleep(0.2)
    raise AssertionError(f"MLflow has no run of trial {trial}")


def wait_for_step(address: str, step: int) -> int:
    """Wait until the only trial that a server has is running and has reported this step; return its newest step."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for run in served_trials(address, "1"):
            steps: list[int] = [metric["step"] for metric in run["data"].get("metrics", [])]
            if max(steps, default=0) >= step:
                assert run["info"]["status"] == "RUNNING"
                return max(steps)
        time.sleep(0.2)
    raise AssertionError(f"no run has step {step}")


@pytest.mark.mlflow
@pytest.mark.slow
def test_the_runs_of_a_sweep_grow_while_they_are_served(tmp_path: Path) -> None:
    (tmp_path / "space.yaml").write_text(SPACE.replace("trials: 3", "trials: 1"))
    driver = start("run", "space.yaml", "--inline", cwd=tmp_path, extra={})
    try:
        name = wait_for_trial(tmp_path, 1).path.name
        wait_for_run(tmp_path / "sweeps", 1)
        with running(name, "--no-browser", cwd=tmp_path) as (command, said):
            assert said[-1].startswith("Ctrl-C"), said
            address = next(line for line in said if line.startswith("MLflow's UI:")).split()[-1]
            wait_for_step(address, wait_for_step(address, 1) + 1)
            stopped = run_here(["stop", name, "1"], tmp_path)  # the sweep has no other trial
            assert stopped.returncode == 0, stopped.stderr
            told = driver.communicate(timeout=120)[0]
            (run,) = served_trials(address, "1")
            assert command.poll() is None
    finally:
        driver.kill()
        driver.communicate()
    assert driver.returncode == 0, told
    assert run["info"]["status"] == "FINISHED"


def test_a_missing_store_is_not_created(tmp_path: Path) -> None:
    done = run_here(["ui"], tmp_path)
    assert done.returncode == 2
    assert "there are no runs yet" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.mlflow
def test_a_port_in_use_is_one_line(tracked: SweepFolder, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_here(["ui", "--sweeps", str(tracked.path.parent), "--port", str(port)], tmp_path)
    assert done.returncode == 2
    assert f"--port {port}: Address already in use" in done.stderr


@pytest.mark.mlflow
def test_a_tracking_server_is_the_ui_itself(tracked: SweepFolder, tmp_path: Path) -> None:
    with serve_ui(f"sqlite:///{tracked.path.parent / 'mlflow.db'}", tmp_path, 0) as (address, _):
        there = {"MLFLOW_TRACKING_URI": address.replace("//", "//someone:secret@") + "/"}
        there["BROWSER"] = f"{sys.executable} {write_script(tmp_path)} %s"
        done = run_here(["ui", "--no-browser"], tmp_path, variables=there)
        assert (done.returncode, done.stdout) == (0, f"MLflow's UI:  {address}\n")
        assert not (tmp_path / "opened").exists()
        assert sweeper("ui", cwd=tmp_path, extra=there).stdout == done.stdout
        assert (tmp_path / "opened").read_text() == f"{address}/#/experiments?workflowType=machine_learning"


@pytest.mark.parametrize("uri", ["./mlruns", "localhost:5000", "htp://host"])
def test_a_wrong_address_is_one_line(uri: str, tmp_path: Path) -> None:
    done = run_here(["ui"], tmp_path, variables={"MLFLOW_TRACKING_URI": uri})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"MLFLOW_TRACKING_URI={uri}: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.mlflow
def test_a_server_that_does_not_answer_is_one_line(tracked: SweepFolder, tmp_path: Path) -> None:
    there = {"MLFLOW_TRACKING_URI": "http://someone:secret@127.0.0.1:9"}
    done = run_here(["ui", str(tracked.path)], tmp_path, variables=there)
    assert done.returncode == 1
    remedy = "no page is opened: try again when MLflow is back"
    assert done.stderr == f"MLflow at http://127.0.0.1:9: Connection refused; {remedy}\n"
