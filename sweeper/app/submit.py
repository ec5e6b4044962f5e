"""Submits sweeps to a Ray cluster that runs elsewhere, and follows them."""

import os
import shlex
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.app import bundle
from sweeper.errors import SweepLockedError, UsageError
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal.output import Output

if TYPE_CHECKING:
    from sweeper.execution.job_server import JobServer, SubmittedJob

_PASSED = ("MLFLOW_", "HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE")  # prefixes of the variables that the driver gets
SWEEPS_OPTION = " --sweeps "  # precedes the folder of the sweeps, the last word in the command of a job
_LOCAL_STORES = ("sqlite:", "file:", "/", ".")  # prefixes of an MLflow store that is on this machine only


@dataclass(frozen=True)
class Submission:
    """A job that was submitted: its name, and the names of its sweeps as `pack` made them."""

    job: str
    sweeps: tuple[str, ...]


def submit_sweeps(
    output: Output,
    server: "JobServer",
    specs: Sequence[SweepSpec],
    environment: dict[str, str],
    *,
    sweeps: str | None,
    fresh: bool,
    shared_files: bool = False,
) -> Submission:
    """Send sweeps with the files that they name, and start their driver on the cluster's head.

    `sweeps` is the folder on the head where sweeps are kept (require_head_folder), by default its SWEEPER_SWEEPS, else
    ~/sweeps. With `shared_files`, the files that the sweeps name stay where they are. Raises SweepLockedError where a
    job runs one of the sweeps already, UsageError where the files are too large to be sent.
    """
    with tempfile.TemporaryDirectory(prefix="sweeper-") as folder:
        names, files = bundle.pack(specs, Path(folder), shared_files=shared_files)
        bundle.check_size(Path(folder), server.max_upload)
        earlier_jobs = server.jobs()
        _refuse_running(server, earlier_jobs, names)
        job = _unused_name(earlier_jobs, names[0])
        options = ["--parcel", bundle.NOTE, *(["--fresh"] if fresh else [])]
        command = f"exec sweeper run {shlex.join([*files, *options])}{SWEEPS_OPTION}{_shell_word(sweeps)}"
        with output.step(f"submitting {job}"):
            server.submit(job, command, Path(folder), environment, names)
    return Submission(job, tuple(names))


def require_head_folder(sweeps: str | None) -> None:
    """Raise UsageError for a folder of sweeps that is neither absolute nor in the home folder of the head's user.

    A job runs in the folder where Ray unpacked what was sent. A relative path would be in there, and Ray deletes it.
    """
    if sweeps and not sweeps.startswith(("/", "~/")):
        rule = "must begin with / or ~/, because the head has no folder in which you are"
        raise UsageError(f"--sweeps {sweeps}: {rule}; name a folder of the head, such as ~/sweeps")


def require_absolute_sweeps(sweeps: Path) -> None:
    """Raise UsageError for a relative folder of sweeps in a job. Only the head's SWEEPER_SWEEPS can have given it."""
    if not sweeps.is_absolute():
        rule = "must begin with /, because a job runs in a folder that Ray deletes"
        raise UsageError(f"SWEEPER_SWEEPS={sweeps} on the head: {rule}; set it to an absolute path, or use --sweeps")


def _shell_word(sweeps: str | None) -> str:
    """Return the folder of the sweeps as the head's shell reads it."""
    if not sweeps:
        return '"${SWEEPER_SWEEPS:-$HOME/sweeps}"'
    return f'"$HOME"/{shlex.quote(sweeps[2:])}' if sweeps.startswith("~/") else shlex.quote(sweeps)


def _refuse_running(server: "JobServer", jobs: Sequence["SubmittedJob"], sweeps: Sequence[str]) -> None:
    """Raise SweepLockedError if a job runs one of the sweeps."""
    for job in jobs:
        running = set(job.sweeps) & set(sweeps)
        if running and not job.is_over:
            raise SweepLockedError(
                f"{min(running)} runs already, as {job.id}; follow it with  {job_command('logs', job.id, server)}"
            )


def _unused_name(jobs: Sequence["SubmittedJob"], sweep: str) -> str:
    """Return a name that no job has: a sweep's name and a number."""
    taken_names = {job.id for job in jobs}
    return next(name for name in (f"{sweep}-{number}" for number in count(1)) if name not in taken_names)


def driver_environment(output: Output, names: Sequence[str]) -> dict[str, str]:
    """Return the environment variables that the driver gets: MLflow's, the hub's, and those that are named.

    Raises UsageError if a named one is not set.
    """
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise UsageError(f"--env {missing[0]}: is not set here; set it, or leave it out")
    passed = {name: value for name, value in os.environ.items() if name in names or name.startswith(_PASSED)}
    store = passed.get("MLFLOW_TRACKING_URI", "")
    if store.startswith(_LOCAL_STORES) and "MLFLOW_TRACKING_URI" not in names:
        del passed["MLFLOW_TRACKING_URI"]
        output.line(
            "MLFLOW_TRACKING_URI is a file here, and is not passed on; the head keeps mlflow.db with its sweeps"
        )
    return passed


def find_job(server: "JobServer", name: str) -> "SubmittedJob":
    """Return the job of this name, or the newest one that has this name and a number. Raises UsageError."""
    runs = [job for job in server.jobs() if name in job.sweeps]
    return max(runs, key=lambda job: (not job.is_over, job.began or 0)) if runs else server.job(name)


def wait_for_end(server: "JobServer", job: str) -> "SubmittedJob":
    """Return a job once it has ended. Ray notifies nobody, and notes the end a moment after the log is over."""
    state = server.job(job)
    while not state.is_over:
        time.sleep(0.2)
        state = server.job(job)
    return state


def job_command(verb: str, job: str, server: "JobServer") -> str:
    """Return the command that does something with a job, with --insecure if this one needed it."""
    return f"sweeper {verb} {job} --address {server.address}{' --insecure' if server.insecure else ''}"
