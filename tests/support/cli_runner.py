"""The `sweeper` command in a process of its own, as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SWEEPER = [sys.executable, "-m", "sweeper"]


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without what would lead elsewhere, and with `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "MLFLOW_", "RAY_"))}
    return {**kept, "COLUMNS": "100", **extra}


def sweeper(
    *arguments: str, cwd: Path, extra: Mapping[str, str] | None = None, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; a hung command is an error."""
    return subprocess.run(
        [*SWEEPER, *arguments],
        cwd=cwd,
        env=environment(extra or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def start(*arguments: str, cwd: Path, extra: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start the command in a process group of its own, and go on."""
    return subprocess.Popen(
        [*SWEEPER, *arguments],
        cwd=cwd,
        env=environment(extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def runs_of(sweeps: Path, dataset: str) -> dict[int, Any]:
    """The runs of the one sweep in the store beside it, by trial; the parent is 0, confirmation's -1."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{sweeps / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(dataset)
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    above = {"sweep": 0, "confirmation": -1}
    tags = [run.data.tags for run in found]
    numbers = [above[own["sweeper.stage"]] if "sweeper.trial" not in own else int(own["sweeper.trial"]) for own in tags]
    assert len(set(numbers)) == len(numbers)
    return dict(zip(numbers, found, strict=True))
