"""Submit sweeps from the laptop and ask about them, with the commands that a user has."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster.hosts import Cluster
from tests.support.cli_runner import SWEEPER


def submit(cluster: Cluster, file: Path, sweeps: Path, *changes: str, **env: str) -> str:
    """Submit a search space with these changes. Returns the job's name. Raises RuntimeError with the output."""
    asked = ["submit", str(file), "--sweeps", str(sweeps), *(word for change in changes for word in ("--set", change))]
    asked += ["--detach", "--json"]
    return str(json.loads(_on_laptop(cluster, *asked, **env))["job"])


def status(cluster: Cluster, job: str) -> str:
    """Return PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED."""
    listed: list[dict[str, Any]] = json.loads(_on_laptop(cluster, "jobs", "--json"))["jobs"]
    return next(str(entry["status"]) for entry in listed if entry["id"] == job)


def logs(cluster: Cluster, job: str) -> str:
    """Return what a finished job has printed."""
    try:
        return _on_laptop(cluster, "logs", job)
    except RuntimeError as error:
        return str(error)


def _on_laptop(cluster: Cluster, *arguments: str, **env: str) -> str:
    command = [*SWEEPER, *arguments, "--address", cluster.dashboard]
    known: Mapping[str, str] = {**cluster.environment(), **env}
    done = cluster.run("laptop", command, known, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = done.communicate(timeout=120)
    if done.returncode:
        raise RuntimeError(f"{out}{err}".strip())
    return str(out)
