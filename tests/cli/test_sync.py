"""`sweeper sync`, and `sweeper run` on a finished sweep, send MLflow what it is missing, without data or Ray."""

import json
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sweeper.app import mlflow_sync
from sweeper.execution.inline_runner import InlineRunner
from sweeper.protocol import sweep
from sweeper.protocol.results import build_results
from sweeper.protocol.search_stage import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder, create_sweep
from sweeper.terminal.output import PlainOutput
from sweeper.trials.resources import TrialResources
from tests.support.cli_runner import runs_of, sweeper
from tests.support.fake_mlflow_stores import create_empty_store
from tests.support.fakes import RecordingTracker, report, scripted_jobs
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.run_here import run_here
from tests.support.search_spaces import SMALL, small_spec

pytestmark = pytest.mark.mlflow

AWAY = {"MLFLOW_TRACKING_URI": "http://someone:secret@127.0.0.1:9"}
CHANGES: dict[str, Any] = {
    "search": {"batch_size": {"int": [2, 64]}, "alpha": {"uniform": [0.1, 0.9]}},
    "training": {"epochs": 3, "tau": 1.0},
    "asha": "off",
    "budget": {"trials": 3},
}


@pytest.fixture
def spec() -> SweepSpec:
    return small_spec(**CHANGES)


def study(spec: SweepSpec, folder: SweepFolder) -> "closing[OptunaStudy]":
    return closing(OptunaStudy(spec, folder.journal, threads=1))


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create_empty_store(tmp_path_factory.mktemp("empty"))


@pytest.fixture
def store(empty_store: Path, tmp_path: Path) -> Path:
    """An empty MLflow store beside the sweeps, with its tables."""
    (tmp_path / "sweeps").mkdir()
    return Path(shutil.copy(empty_store, tmp_path / "sweeps" / "mlflow.db"))


@pytest.fixture
def finished(spec: SweepSpec, store: Path, tmp_path: Path) -> SweepFolder:
    """A finished sweep of three trials that ran while MLflow was away."""
    folder = create_sweep(tmp_path / "sweeps", spec, {"dataset": "d"}, 1)
    folder.mark_running()
    with study(spec, folder) as record:
        sweep.run_protocol(
            spec,
            record,
            InlineRunner(1, 0),
            [RecordingTracker()],
            scripted_jobs(folder.path),
            TrialResources(1, 0, 1),
        )
        folder.write_results(build_results(spec, folder, record.all_trials()).to_json())
    return folder


def statuses(folder: SweepFolder) -> dict[int, str]:
    """Return the status of each run in the store beside the sweeps, by trial; the parent is 0."""
    return {number: run.info.status for number, run in runs_of(folder.path.parent, "sst5").items()}


def test_missing_runs_are_sent_once_mlflow_answers_and_counted_until_then(
    finished: SweepFolder, store: Path, tmp_path: Path
) -> None:
    store.unlink()  # the command creates it
    command = ("sync", str(finished.path))
    away = run_here([*command, "--wait", "1"], tmp_path, variables=AWAY)
    assert away.returncode == 1
    assert away.stdout == f"syncing MLflow with {finished.name} …\n"
    line, log = away.stderr.splitlines()
    assert line == (
        f"{finished.name}: MLflow at http://127.0.0.1:9 (Connection refused) is missing 4 runs; when it is back: "
        f"sweeper sync {finished.path}"
    )
    assert log.startswith("log: ")
    assert finished.needs_sync
    done = sweeper(*command, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    in_sync = f"{finished.name}: 3 trials are in sync with MLflow at sqlite:///"
    assert in_sync in done.stdout
    assert not finished.needs_sync
    assert mlflow_sync.sync(PlainOutput(), finished).startswith(in_sync)  # twice changes nothing
    assert not finished.needs_sync
    assert statuses(finished) == dict.fromkeys(range(4), "FINISHED")


def test_a_file_that_mlflow_does_not_get_is_named_and_the_sweep_is_not_in_sync(
    finished: SweepFolder, tmp_path: Path
) -> None:
    damaged = finished.path / "predictions" / "3-test.parquet"
    damaged.parent.mkdir()
    damaged.write_bytes(b"not parquet")  # it can be sent, but its picture cannot be drawn
    done = run_here(["sync", str(finished.path)], tmp_path)
    assert done.returncode == 1
    assert "in sync" not in done.stdout
    line, _ = done.stderr.splitlines()
    assert "has everything but confusion.png of trial 3 (RecordError: " in line
    assert line.endswith(f"this tries again: sweeper sync {finished.path}")
    assert finished.needs_sync
    assert statuses(finished) == dict.fromkeys(range(4), "FINISHED")


def test_running_a_finished_sweep_again_syncs_it_and_shows_the_table(finished: SweepFolder, tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(json.dumps({**SMALL, **CHANGES}))
    done = run_here(["run", str(file)], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 trials are in sync with MLflow" in done.stdout
    assert "best per system by validation/accuracy" in done.stdout
    assert not finished.needs_sync
    assert statuses(finished) == dict.fromkeys(range(4), "FINISHED")
    again = run_here(["run", str(file)], tmp_path, variables=AWAY)
    assert (again.returncode, again.stderr) == (0, "")
    assert "is missing" not in again.stdout
    assert "secret" not in again.stdout


@pytest.mark.usefixtures("store")
def test_runs_that_a_dead_driver_left_running_are_closed(spec: SweepSpec, tmp_path: Path) -> None:
    folder = create_sweep(tmp_path / "sweeps", spec, {"dataset": "d"}, 1)
    with study(spec, folder) as record:
        search = SearchStage(spec, record, [])
        trial = search.next_trial()
        assert trial is not None
        search.report(trial, report(1, 0.5))
    done = run_here(["sync", str(folder.path)], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert statuses(folder) == {0: "KILLED", 1: "KILLED"}


def test_a_running_sweep_is_left_alone(spec: SweepSpec, finished: SweepFolder, tmp_path: Path) -> None:
    with study(spec, finished):
        done = run_here(["sync", str(finished.path)], tmp_path)
    assert done.returncode == 2
    assert "another sweeper drives this sweep" in done.stderr
    assert finished.needs_sync


def test_the_others_are_synced_and_each_that_fails_has_a_line(
    spec: SweepSpec, finished: SweepFolder, tmp_path: Path
) -> None:
    running = create_sweep(tmp_path / "sweeps", spec, {"dataset": "another"}, 1)
    damaged = create_sweep(tmp_path / "sweeps", spec, {"dataset": "a third"}, 1)
    damaged.journal.write_text("not a record\n\n", encoding="utf-8")
    with study(spec, running):
        only_running = run_here(["sync", running.name, finished.name], tmp_path)
        finished.mark_unsynced()
        both = run_here(["sync", damaged.name, running.name, finished.name], tmp_path)
    for done, code, names in ((only_running, 2, [running.name]), (both, 1, [damaged.name, running.name])):
        assert done.returncode == code
        lines = [line for line in done.stderr.splitlines() if not line.startswith("log: ")]
        assert len(lines) == len(names)
        assert all(name in line for name, line in zip(names, lines, strict=True))
        assert f"{finished.name}: 3 trials are in sync" in done.stdout
    assert not finished.needs_sync


def test_a_folder_without_a_sweep_is_one_line(tmp_path: Path) -> None:
    done = run_here(["sync", "elsewhere"], tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "elsewhere: not a sweep" in done.stderr


def test_a_single_trial_and_a_single_run_are_told_in_the_singular(store: Path, tmp_path: Path) -> None:
    one: dict[str, Any] = {"compare": {"encoder": ["m"], "loss": ["ce"]}, "budget": {"trials": 1}}
    folder = RecordedSweep(store.parent, **one).search().folder
    assert mlflow_sync.sync(PlainOutput(), folder).startswith(f"{folder.name}: 1 trial is in sync with MLflow at ")
    empty = RecordedSweep(store.parent, seed=1).folder
    away = run_here(["sync", str(empty.path), "--wait", "1"], tmp_path, variables=AWAY)
    assert f"{empty.name}: MLflow at http://127.0.0.1:9 (Connection refused) is missing 1 run; when it " in away.stderr
