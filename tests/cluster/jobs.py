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
    return str(_listed(cluster, job)["status"])


def sweep_of(cluster: Cluster, job: str) -> str:
    """Return the name of the sweep that a job runs; "" while it is not known."""
    return next(iter(_listed(cluster, job)["sweeps"]), "")


def _listed(cluster: Cluster, job: str) -> dict[str, Any]:
    listed: list[dict[str, Any]] = json.loads(_on_laptop(cluster, "jobs", "--json"))["jobs"]
    return next(entry for entry in listed if entry["id"] == job)


def stop(cluster: Cluster, *target: str) -> str:
    """Return what `sweeper stop` says. Raises RuntimeError with the output if it fails."""
    return _on_laptop(cluster, "stop", *target)


def stop_trial(cluster: Cluster, target: str, trial: int) -> str:
    """Return what `sweeper stop` says of a trial; "" if the sweep or the trial has not begun."""
    try:
        return stop(cluster, target, str(trial))
    except RuntimeError as error:
        if "has no sweep of" in str(error) or "none has begun" in str(error) or "nobody drives" in str(error):
            return ""
        raise


def watch(cluster: Cluster, target: str) -> subprocess.Popen[str]:
    """Start `sweeper watch` on the laptop."""
    command = [*SWEEPER, "watch", target, "--address", cluster.dashboard]
    return cluster.run("laptop", command, cluster.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


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
