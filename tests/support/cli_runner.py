"""Run the `sweeper` command in a process of its own, as a user does."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SWEEPER = [sys.executable, "-m", "sweeper"]


def names_a_service(variable: str) -> bool:
    """Return True for an environment variable that may point to a hub, an MLflow server or a Ray cluster."""
    return variable.startswith(("HF_", "MLFLOW_", "RAY_"))


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with `extra`, without variables that would point to another hub or server."""
    variables = {name: value for name, value in os.environ.items() if not names_a_service(name)}
    return {**variables, "COLUMNS": "100", **extra}


def sweeper(
    *arguments: str, cwd: Path, extra: Mapping[str, str] | None = None, timeout: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end. A command that takes longer than `timeout` seconds is an error."""
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
    """Start the command in a session of its own and return at once."""
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
    """Return the MLflow runs of the only sweep, by trial number; 0 is the sweep's own run, -1 the confirmation's."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{sweeps / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(dataset)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    numbers = [_run_number(run.data.tags) for run in runs]
    assert len(set(numbers)) == len(numbers)
    return dict(zip(numbers, runs, strict=True))


def _run_number(tags: Mapping[str, str]) -> int:
    if "sweeper.trial" in tags:
        return int(tags["sweeper.trial"])
    return {"sweep": 0, "confirmation": -1}[tags["sweeper.stage"]]
