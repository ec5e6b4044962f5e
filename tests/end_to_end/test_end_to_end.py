"""The whole path on real rows of SST-5 and a real pretrained encoder: Ray, Optuna, MLflow, the table, the winner."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sweeper.training.types import TIMING_METRICS
from tests.conftest import ROOT
from tests.support.cli_runner import runs_of, start, sweeper

pytestmark = [pytest.mark.hub, pytest.mark.ray, pytest.mark.mlflow]

FILE = str(ROOT / "search_spaces" / "sst5.yaml")
QUICK = {
    "compare.encoder": "[sentence-transformers/all-MiniLM-L6-v2]",
    "limit": "{train: 96, validation: 64}",
    "training.epochs": "2",
    "budget.trials": "4",
    "asha.grace_epochs": "1",
    "confirm.seeds": "1",
}
CONFIRMED = 3  # a fresh seed for each loss


def arguments(changes: dict[str, str] | None = None) -> list[str]:
    sets = {**QUICK, **(changes or {})}
    return ["run", FILE, *(part for key, value in sets.items() for part in ("--set", f"{key}={value}"))]


def only_sweep(folder: Path) -> Path:
    (path,) = (found.parent for found in (folder / "sweeps").glob("*/sweep.json"))
    return path


def runs(folder: Path) -> dict[int, Any]:
    """MLflow's runs of the one sweep, by trial; the parent is 0, the one above confirmed trials -1."""
    return runs_of(folder / "sweeps", "sst5")


def steps(folder: Path, run: Any) -> list[int]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'sweeps' / 'mlflow.db'}")
    return [metric.step for metric in client.get_metric_history(run.info.run_id, "validation/accuracy")]


def assert_whole(folder: Path, trials: int) -> None:
    """The record, MLflow and the results agree, and nothing is left behind."""
    results = json.loads((only_sweep(folder) / "results.json").read_text())
    assert results["num_trials"] == trials
    found = runs(folder)
    assert sorted(found) == list(range(-1, trials + CONFIRMED + 1))
    assert found[0].info.status == found[-1].info.status == "FINISHED"
    for number in range(1, trials + CONFIRMED + 1):
        assert found[number].info.status in ("FINISHED", "FAILED")
        assert found[number].data.tags["sweeper.outcome"]
        parent = found[0 if number <= trials else -1]
        assert found[number].data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert found[number].data.params["batch_size"] in ("4", "8", "32")
        assert steps(folder, found[number]) == list(range(1, len(steps(folder, found[number])) + 1))
        assert ("test/accuracy" in found[number].data.metrics) == (number > trials)
    assert not [*folder.rglob("checkpoint-*"), *folder.rglob("model-*.pt")]
    assert (only_sweep(folder) / "model" / "config.json").exists()


def test_from_a_search_space_to_a_table_and_the_winner_again(tmp_path: Path, hub: dict[str, str]) -> None:
    done = sweeper(*arguments(), "--json", cwd=tmp_path, extra=hub)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert [entry["system"]["loss"] for entry in results["systems"]] == ["ce", "scl", "lcl"]
    assert [entry["num_trials"] for entry in results["systems"]] == [2, 1, 1]
    lcl = results["systems"][2]["best"]
    assert (lcl["params"]["tau"], lcl["params"]["normalize"]) == (10, False)  # what start_with says
    assert_whole(tmp_path, 4)
    for line in done.stderr.splitlines():
        assert not line.startswith("("), f"a raylet's line is on the screen: {line}"
        assert "Warning" not in line

    table = sweeper("table", cwd=tmp_path)  # from MLflow alone, and yet the same bytes
    assert table.stdout == (only_sweep(tmp_path) / "table.md").read_text(), table.stderr

    again = sweeper(*arguments(), cwd=tmp_path, extra={**hub, "HF_ENDPOINT": "http://127.0.0.1:9"})
    assert again.returncode == 0, again.stderr
    assert "is finished" in again.stdout
    command = next(line for line in again.stdout.splitlines() if line.startswith("train the best again:"))
    trained = sweeper(*command.split()[5:], "--test", "--json", cwd=tmp_path, extra=hub)
    assert trained.returncode == 0, trained.stderr
    result = json.loads(trained.stdout)
    confirmed = max(results["systems"], key=lambda entry: entry["confirmation"]["mean"])
    assert result["trial"] == confirmed["confirmation"]["source_trial"]
    best = confirmed["best"]
    same = [name for name in best["metrics"] if name not in TIMING_METRICS]
    assert {name: result["metrics"][name] for name in same} == {name: best["metrics"][name] for name in same}
    assert 0 <= result["test"]["accuracy"] <= 1


@pytest.mark.slow
def test_a_sweep_that_is_interrupted_and_then_killed_goes_on(tmp_path: Path, hub: dict[str, str]) -> None:
    running = start(*arguments(), cwd=tmp_path, extra=hub)
    wait_for_a_trial(running)
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted; the same command goes on where it stopped" in rest
    assert {run.info.status for run in runs(tmp_path).values()} <= {"KILLED", "FINISHED", "FAILED"}
    assert runs(tmp_path)[0].info.status == "KILLED"
    running = start(*arguments(), cwd=tmp_path, extra=hub)
    wait_for_a_trial(running)
    running.kill()
    running.communicate(timeout=60)
    done = sweeper(*arguments(), cwd=tmp_path, extra=hub)
    assert done.returncode == 0, done.stderr
    assert "goes on" in done.stdout
    assert_whole(tmp_path, 4)


def wait_for_a_trial(running: subprocess.Popen[str]) -> None:
    """Read the command's output up to its first finished trial."""
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("trial"):
            return
    pytest.fail(f"the command ended with {running.wait()} before a trial did")
