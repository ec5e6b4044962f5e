"""A sweep runs where the names that only Linux has are missing, as on macOS."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import without_linux
from tests.support.cli_runner import environment, runs_of

SPACE = {
    "dataset": {"name": "toy", "train": "train.jsonl", "validation": "validation.jsonl"},
    "compare": {"encoder": ["gru"], "loss": ["ce"]},
    "search": {"learning_rate": [3e-3]},
    "training": {"epochs": 1, "batch_size": 16, "max_length": 16, "embedding_size": 8, "hidden_size": 8},
    "budget": {"trials": 1},
    "confirm": {"seeds": 0},
    "tracking": {"system_metrics": True},
}


@pytest.mark.mlflow
def test_a_sweep_with_system_metrics_runs_without_what_only_linux_has(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        texts = ({"text": f"{split} {word} {k}", "label": word} for k in range(20) for word in ("good", "bad"))
        (tmp_path / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in texts))
    (tmp_path / "space.yaml").write_text(json.dumps(SPACE))
    done = subprocess.run(
        [sys.executable, without_linux.__file__, "run", "space.yaml", "--inline"],
        cwd=tmp_path,
        env={**environment({"OMP_NUM_THREADS": "1"}), "PYTHONPATH": str(Path(without_linux.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (done.returncode, done.stderr) == (0, "")
    metrics = runs_of(tmp_path / "sweeps", "toy")[1].data.metrics
    assert metrics["system/memory_megabytes"] > 50
    assert metrics["best/system/memory_megabytes"] > 50


def test_on_windows_one_line_names_wsl() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; sys.platform = 'win32'; import sweeper"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("sweeper runs on Linux and macOS; on Windows, install and run it in WSL")
    assert len(done.stderr.splitlines()) == 1
