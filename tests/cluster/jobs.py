"""Sweeps as jobs, sent from the laptop with the commands that a user has: the one place that knows how."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster.hosts import Cluster
from tests.support.cli_runner import SWEEPER


def submit(cluster: Cluster, file: Path, sweeps: Path, *changes: str, **env: str) -> str:
    """Send a search space, changed so; the job's name. Raises RuntimeError with what the laptop was told."""
    asked = ["submit", str(file), "--sweeps", str(sweeps), *(part for one in changes for part in ("--set", one))]
    asked += ["--detach", "--json"]
    return str(json.loads(_on_laptop(cluster, *asked, **env))["job"])


def status(cluster: Cluster, job: str) -> str:
    """PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED."""
    found: list[dict[str, Any]] = json.loads(_on_laptop(cluster, "jobs", "--json"))["jobs"]
    return next(str(one["status"]) for one in found if one["id"] == job)


def logs(cluster: Cluster, job: str) -> str:
    """What a job that is over has printed."""
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
