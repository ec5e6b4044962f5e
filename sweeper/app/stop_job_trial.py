"""Stops one trial of a sweep that runs as a job on a cluster.

The sweep's folder is on the head, where only jobs can reach it. A short second job is started there, in the folder that
was sent with the first one: `sweeper stop SWEEP.yaml TRIAL --in-job`. It asks the driver as `sweeper stop` does for a
sweep on its own machine, and its answer travels in its log.
"""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.app.specs import load_spec
from sweeper.app.stop_sweep import describe_end, find_stoppable, stop_trial
from sweeper.app.submit import SWEEPS_OPTION, job_command
from sweeper.errors import SweeperError, UsageError
from sweeper.storage.record_lock import is_locked
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.sweep_search import find_same
from sweeper.terminal.output import Output
from sweeper.terminal.remote_view import EVENT

if TYPE_CHECKING:
    from sweeper.execution.job_server import JobServer, SubmittedJob


def stop_trial_of_job(output: Output, server: "JobServer", job: "SubmittedJob", name: str, number: int) -> str:
    """End one trial of a job's sweep, and return its end in words. `name` is the name by which the user means the job.

    Raises UsageError if the job is over, if it has several sweeps and `name` is none of them, or for a trial that
    cannot be stopped (find_stoppable), and SweeperError if the cluster does not answer.
    """
    if job.is_over:
        raise UsageError(
            f"{job.id}: is over ({job.status.lower()}), so trial {number} does not run; there is nothing to stop"
        )
    file = f"{_chosen_sweep(server, job, name, number)}.yaml"
    sweeps = server.command(job.id).partition(SWEEPS_OPTION)[2]  # a word of the shell, which the head expands
    command = f"exec sweeper stop {shlex.quote(file)} {number} --in-job{SWEEPS_OPTION}{sweeps}"
    with output.step(f"stopping trial {number} of {job.id}"):
        log = server.run_beside(job.id, command)
    answer = _answer_in(log)
    if answer is None:
        last_line = next((line for line in reversed(log.split("\n")) if line.strip()), "it said nothing")
        rule = f"the cluster did not run the command that stops trial {number} ({last_line.strip()})"
        stop_command = job_command("stop", job.id, server)
        raise SweeperError(f"{job.id}: {rule}; give it again, or stop the whole job:  {stop_command}")
    if "end" in answer:
        return str(answer["end"])
    error = UsageError if answer["is_usage_error"] else SweeperError
    raise error(f"{job.id}: {answer['error']}")


def _chosen_sweep(server: "JobServer", job: "SubmittedJob", name: str, number: int) -> str:
    """Return the name of the sweep that is meant. Raises UsageError if the job has several and `name` is none."""
    if len(job.sweeps) == 1 or name in job.sweeps:
        return name if name in job.sweeps else job.sweeps[0]
    example = job_command("stop", f"{job.sweeps[0]} {number}", server)
    raise UsageError(
        f"{job.id}: has {len(job.sweeps)} sweeps, {', '.join(job.sweeps)}; "
        f"name the one that has trial {number}, such as  {example}"
    )


def _answer_in(log: str) -> dict[str, Any] | None:
    """Return the answer in the log of the second job; None if there is none."""
    lines = log.split("\n")  # splitlines would also split at EVENT
    events = [json.loads(line.removeprefix(EVENT)) for line in lines if line.startswith(EVENT)]
    results: list[dict[str, Any]] = [event["result"] for event in events if "result" in event]
    return results[-1] if results else None


# ---- on the head


def answer_in_job(file: Path, sweeps: Path, number: int) -> dict[str, Any]:
    """End one trial of the sweep of a submitted search space, and return the answer for `stop_trial_of_job`."""
    try:
        folder = find_submitted_sweep(file, sweeps)
        end = find_stoppable(folder, number).end or stop_trial(folder, number).end
    except SweeperError as error:
        return {"error": str(error), "is_usage_error": isinstance(error, UsageError)}
    return {"end": "" if end is None else describe_end(number, end)}


def find_submitted_sweep(file: Path, sweeps: Path) -> SweepFolder:
    """Return the sweep of a search space: the one that is driven, or else the newest. Raises UsageError without any."""
    same = find_same(sweeps, load_spec(file).identity)
    if not same:
        raise UsageError(
            f"{sweeps}: has no sweep of {file.stem} yet; wait for its first trial, and if the cluster starts jobs on "
            "other nodes than its head, keep the sweeps where all nodes see them"
        )
    return next((folder for folder in same if is_locked(folder.journal)), same[0])
