"""`make run` as in the README, with one fresh seed: it needs no hub, and its models beat a linear model on words."""

import json
import statistics
import subprocess
from pathlib import Path

import numpy as np
import pytest

from sweeper.storage import predictions
from sweeper.training.metrics import confusion_matrix
from tests.conftest import ROOT
from tests.support.cli_runner import environment

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.mlflow]


def make_run(sweeps: Path, extra: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["make", "run", f"SWEEPS={sweeps}", "OPTIONS=--set confirm.seeds=1"]
    return subprocess.run(
        command, cwd=ROOT, env=environment(extra), capture_output=True, text=True, timeout=2400, check=False
    )


def test_make_run_needs_no_hub_and_gives_good_models(tmp_path: Path) -> None:
    away = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path / "hf")}
    done = make_run(tmp_path / "sweeps", away)
    assert done.returncode == 0, done.stderr
    (results_file,) = (tmp_path / "sweeps").glob("feelings-*/results.json")
    results = json.loads(results_file.read_text())
    assert [system["system"]["loss"] for system in results["systems"]] == ["ce", "scl", "lcl"]
    assert results["num_trials"] == 9
    assert "is finished" in make_run(tmp_path / "sweeps", away).stdout

    seeds = [seed for system in results["systems"] for seed in system["confirmation"]["seeds"]]
    assert [seed["test"] is not None for seed in seeds] == [True] * 3
    best = max(results["systems"], key=lambda system: system["confirmation"]["mean"])["confirmation"]["seeds"]
    accuracy = statistics.fmean(seed["test"]["test/accuracy"] for seed in best)
    assert accuracy > 0.44  # chance is 0.08, a linear model on words has 0.38

    labels, counts = tuple(results["labels"]), np.zeros((12, 12), dtype=int)
    for seed in best:
        test_predictions = predictions.read_predictions(
            predictions.predictions_path(results_file.parent, seed["trial"], "test"), labels
        )
        counts += confusion_matrix(test_predictions.labels, test_predictions.probabilities.argmax(axis=1), 12)
    same_family = sum(counts[i][j] for i in range(12) for j in range(12) if i // 3 == j // 3)
    assert same_family / counts.sum() > 0.65  # chance is 0.25, that linear model has 0.59
    near = sum(counts[i][j] for i in range(12) for j in range(12) if i // 3 == j // 3 and i != j) / 24
    far = sum(counts[i][j] for i in range(12) for j in range(12) if i // 3 != j // 3) / 108
    assert near > 1.5 * far  # mean number of confusions per pair of classes
