"""A whole sweep with a real encoder: Ray, Optuna, MLflow, the table and the best model.

`make test` trains on few texts of `feelings` in files, `make slow` on SST-5 from the hub.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.training.types import TIMING_METRICS
from tests.conftest import ROOT
from tests.support.cli_runner import runs_of, start, sweeper
from tests.support.run_here import run_here

pytestmark = [pytest.mark.ray, pytest.mark.mlflow]

FILE = ROOT / "search_spaces" / "sst5.yaml"
FEELINGS = ROOT / "sweeper" / "data" / "feelings"
QUICK = {
    "compare.encoder": "[sentence-transformers/all-MiniLM-L6-v2]",
    "limit": "{train: 96, validation: 64}",
    "training.epochs": "2",
    "budget.trials": "4",
    "asha.grace_epochs": "1",
    "confirm.seeds": "1",
}
CONFIRMED = 3  # a fresh seed for each loss
FEW_ROWS = {"limit": "{train: 40, validation: 30}", "training.max_length": "16"}  # the test split is scored whole


def arguments(file: Path = FILE, changes: dict[str, str] | None = None) -> list[str]:
    sets = {**QUICK, **(changes or {})}
    return ["run", str(file), *(word for key, value in sets.items() for word in ("--set", f"{key}={value}"))]


def write_local_space(folder: Path) -> Path:
    """Write the search space of SST-5 for texts of `feelings` in files beside it, 60 of them for the test."""
    for split, size in (("train", 96), ("validation", 64), ("test", 60)):
        with (FEELINGS / f"{split}.jsonl").open(encoding="utf-8") as lines:
            (folder / f"{split}.jsonl").write_text("".join(islice(lines, size)), encoding="utf-8")
    files = {split: f"{split}.jsonl" for split in ("train", "validation", "test")}
    space = {**yaml.safe_load(FILE.read_text(encoding="utf-8")), "dataset": {"name": "few", **files}}
    (folder / "few.yaml").write_text(yaml.safe_dump(space), encoding="utf-8")
    return folder / "few.yaml"


def only_sweep(folder: Path) -> Path:
    (path,) = (manifest.parent for manifest in (folder / "sweeps").glob("*/sweep.json"))
    return path


def runs(folder: Path) -> dict[int, Any]:
    """Return the MLflow runs of the sweep by trial number; 0 is the sweep's own run, -1 the confirmation's."""
    return runs_of(folder / "sweeps", only_sweep(folder).name.rpartition("-")[0])


def steps(folder: Path, run: Any) -> list[int]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'sweeps' / 'mlflow.db'}")
    return [metric.step for metric in client.get_metric_history(run.info.run_id, "validation/accuracy")]


def assert_complete(folder: Path, trials: int) -> None:
    """Assert that the results and MLflow have every trial, and that nothing is left over."""
    results = json.loads((only_sweep(folder) / "results.json").read_text())
    assert results["num_trials"] == trials
    mlflow_runs = runs(folder)
    assert sorted(mlflow_runs) == list(range(-1, trials + CONFIRMED + 1))
    assert mlflow_runs[0].info.status == mlflow_runs[-1].info.status == "FINISHED"
    for number in range(1, trials + CONFIRMED + 1):
        assert mlflow_runs[number].info.status in ("FINISHED", "FAILED")
        assert mlflow_runs[number].data.tags["sweeper.outcome"]
        parent = mlflow_runs[0 if number <= trials else -1]
        assert mlflow_runs[number].data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert mlflow_runs[number].data.params["batch_size"] in ("4", "8", "32")
        assert steps(folder, mlflow_runs[number]) == list(range(1, len(steps(folder, mlflow_runs[number])) + 1))
        assert ("test/accuracy" in mlflow_runs[number].data.metrics) == (number > trials)
    assert not [*folder.rglob("checkpoint-*"), *folder.rglob("model-*.pt")]
    assert (only_sweep(folder) / "model" / "config.json").exists()


def test_sweep_gives_a_table_and_its_best_trial_can_be_trained_again(tmp_path: Path) -> None:
    offline = {"HF_HUB_OFFLINE": "1"}
    again = partial(run_here, folder=tmp_path, variables=offline)
    assert_trains_and_reports(tmp_path, write_local_space(tmp_path), offline, again)


@pytest.mark.hub
@pytest.mark.slow
def test_sweep_on_sst5_from_the_hub(tmp_path: Path, hub: dict[str, str]) -> None:
    assert_trains_and_reports(tmp_path, FILE, hub, lambda words: sweeper(*words, cwd=tmp_path, extra=hub))


def assert_trains_and_reports(
    tmp_path: Path,
    file: Path,
    extra: dict[str, str],
    again: Callable[[Sequence[str]], subprocess.CompletedProcess[str]],
) -> None:
    """Assert that a sweep gives a table and a model to use, and that `again` trains its best trial with that result."""
    completed = sweeper(*arguments(file, FEW_ROWS), cwd=tmp_path, extra=extra)
    assert completed.returncode == 0, completed.stderr
    results = json.loads((only_sweep(tmp_path) / "results.json").read_text())
    assert [system["system"]["loss"] for system in results["systems"]] == ["ce", "scl", "lcl"]
    assert [system["num_trials"] for system in results["systems"]] == [2, 1, 1]
    lcl = results["systems"][2]["best"]
    assert (lcl["params"]["tau"], lcl["params"]["normalize"]) == (10, False)  # what start_with says
    assert_complete(tmp_path, 4)
    shown = completed.stdout.splitlines()
    for line in (*takewhile(str.strip, shown), *completed.stderr.splitlines()):  # the results come after a blank line
        assert not line.startswith("("), f"a raylet's line is on the screen: {line}"
        assert "Warning" not in line

    assert_usable(shown, tmp_path)
    train_command = next(line for line in shown if line.startswith("train the best again:"))
    trained = again([*train_command.split()[5:], "--test", "--json"])
    assert trained.returncode == 0, trained.stderr
    result = json.loads(trained.stdout)
    confirmed = max(results["systems"], key=lambda system: system["confirmation"]["mean"])
    assert result["trial"] == confirmed["confirmation"]["source_trial"]
    best = confirmed["best"]
    same = [name for name in best["metrics"] if name not in TIMING_METRICS]
    assert {name: result["metrics"][name] for name in same} == {name: best["metrics"][name] for name in same}
    assert 0 <= result["test"]["accuracy"] <= 1
    in_mlflow = ("--sweeps", "elsewhere", "--tracking-uri", f"sqlite:///{tmp_path / 'sweeps' / 'mlflow.db'}")
    for source in ((), in_mlflow):  # from the record, and from MLflow alone: the same bytes, with that access
        table = run_here(["table", *source], tmp_path)
        assert f"accessed {CONFIRMED + 1} times by 1 sweep." in table.stdout, table.stderr
        assert table.stdout == (only_sweep(tmp_path) / "table.md").read_text()


def assert_usable(lines: list[str], folder: Path) -> None:
    """Assert that the lines of Python that the winner's block shows load its model, in a process without sweeper."""
    first = next(k for k, line in enumerate(lines) if line.startswith("  use it"))
    code = [line[len("  use it     ") :].strip() for line in lines[first : first + 3]]
    assert [line.split("(")[0] for line in code] == [
        "mlflow.set_tracking_uri",
        "mlflow.pyfunc.load_model",
        "transformers.AutoModel.from_pretrained",
    ]
    program = "import mlflow, transformers; " + "; ".join([code[0], f"print({code[1]}.label[0])", code[2]])
    used = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, check=False)
    assert used.returncode == 0, used.stderr
    assert used.stdout.strip() in json.loads((only_sweep(folder) / "model" / "labels.json").read_text())


@pytest.mark.hub
@pytest.mark.slow
def test_interrupted_and_then_killed_sweep_continues(tmp_path: Path, hub: dict[str, str]) -> None:
    words = arguments(changes={"training.max_length": "16"})  # the test split is scored whole
    running = start(*words, cwd=tmp_path, extra=hub)
    wait_for_a_trial(running)
    running.send_signal(signal.SIGINT)
    rest, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "interrupted; the same command continues where it stopped" in rest
    assert {run.info.status for run in runs(tmp_path).values()} <= {"KILLED", "FINISHED", "FAILED"}
    assert runs(tmp_path)[0].info.status == "KILLED"
    running = start(*words, cwd=tmp_path, extra=hub)
    wait_for_a_trial(running)
    running.kill()
    running.communicate(timeout=60)
    completed = sweeper(*words, cwd=tmp_path, extra=hub)
    assert completed.returncode == 0, completed.stderr
    assert "continues" in completed.stdout
    assert_complete(tmp_path, 4)


def wait_for_a_trial(running: subprocess.Popen[str]) -> None:
    """Read the command's output until a trial has finished."""
    assert running.stdout is not None
    for line in running.stdout:
        if line.startswith("trial"):
            return
    pytest.fail(f"the command ended with {running.wait()} before a trial did")
