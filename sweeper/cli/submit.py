"""`sweeper submit`, `jobs`, `logs` and `stop`: sweeps on a Ray cluster that runs elsewhere."""

import os
import shlex
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeper.app.specs import specs_of
from sweeper.cli.run import Files, Sets
from sweeper.terminal.terminal import Terminal, cli_session

if TYPE_CHECKING:
    from sweeper.execution.job_server import JobServer, SubmittedJob

Address = Annotated[
    str,
    typer.Option(
        envvar=["RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"],
        help="The cluster's dashboard, as http://head:8265.",
        show_default=False,
    ),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Use a cluster that others can reach without a token.")]
Job = Annotated[str, typer.Argument(help="A job, as `sweeper jobs` names it.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result on stdout as JSON.")]

_PASSED = ("MLFLOW_", "HF_ENDPOINT", "HF_TOKEN", "HF_HUB_OFFLINE")  # what variables that the driver gets begin with
_LOCAL = ("sqlite:", "file:", "/", ".")  # how an MLflow store begins that is on this machine alone
_MISSING = 127  # the shell's exit code for a command that is not there


def submit(
    files: Files,
    address: Address,
    overrides: Sets = None,
    sweeps: Annotated[
        str | None,
        typer.Option(help="Where the head keeps sweeps. [default: its SWEEPER_SWEEPS, else ~/sweeps]"),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start anew, beside what was there before.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as it is submitted.")] = False,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Pass this environment variable on as well.")
    ] = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """Run search spaces on a Ray cluster; the same command again goes on where it stopped.

    What is sent is the sweeps with every key and the files that they name, and from the environment MLFLOW_*,
    HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE. The driver runs on the head, and the cluster needs the same sweeper.
    """
    with cli_session(as_json=as_json) as screen:
        specs = specs_of(files, overrides)
        passed = _environment(screen, env or [])
        with screen.step(f"asking {address}"):
            server = _server(address, insecure=insecure)
        from sweeper.app import bundle

        with tempfile.TemporaryDirectory(prefix="sweeper-") as place:
            names, sent = bundle.pack(specs, Path(place))
            known = server.jobs()
            _check(server, known, names)
            name = _name(known, names)
            options = ["--parcel", bundle.NOTE, *(["--fresh"] if fresh else [])]
            where = shlex.quote(sweeps) if sweeps else '"${SWEEPER_SWEEPS:-$HOME/sweeps}"'
            line = f"exec sweeper run {shlex.join([*sent, *options])} --sweeps {where}"
            with screen.step(f"submitting {name}"):
                server.submit(name, line, Path(place), passed, names)
        screen.line(f"{name}: submitted to {server.address}", style="bold")
        if detach:
            screen.line(f"follow it:  {_again('logs', name, server)}")
            screen.line(f"stop it:    {_again('stop', name, server)}")
            screen.result({"job": name, "sweeps": list(names)})
        else:
            _follow(screen, server, name)


def jobs(address: Address, insecure: Insecure = False, as_json: AsJson = False) -> None:
    """List the jobs that sweeper submitted to a cluster."""
    with cli_session(as_json=as_json) as screen:
        from rich.table import Table

        found = _server(address, insecure=insecure).jobs()
        table = Table("job", "status", "began", "took", box=None, pad_edge=False, header_style="dim")
        for job in found:
            table.add_row(job.id, job.status.lower(), _moment(job.began), _length(job))
        if found:
            screen.console.print(table)
        else:
            screen.line(f"no jobs of sweeper on {address}")
        screen.result({"jobs": [{**vars(job), "sweeps": list(job.sweeps)} for job in found]})


def logs(job: Job, address: Address, insecure: Insecure = False, as_json: AsJson = False) -> None:
    """Follow a job, from its beginning, in the view of `sweeper run`."""
    with cli_session(as_json=as_json) as screen:
        server = _server(address, insecure=insecure)
        server.job(job)
        _follow(screen, server, job)


def stop(job: Job, address: Address, insecure: Insecure = False) -> None:
    """Stop a job; what it has done is kept, and submitting it again goes on from there."""
    with cli_session() as screen:
        server = _server(address, insecure=insecure)
        before = server.job(job)
        if before.is_over:
            screen.line(f"{job} is over: {before.status.lower()}")
            return
        server.stop(job)
        with screen.step(f"stopping {job}"):
            _ended(server, job)
        screen.line(f"{job} is stopped; submitting it again goes on where it stopped")


def _server(address: str, *, insecure: bool) -> "JobServer":
    from sweeper.execution.job_server import JobServer

    return JobServer(address, insecure=insecure)


def _check(server: "JobServer", known: Sequence["SubmittedJob"], sweeps: Sequence[str]) -> None:
    """Refuse sweeps that a job runs already."""
    from sweeper.errors import SweepLockedError

    for job in known:
        twice = set(job.sweeps) & set(sweeps)
        if twice and not job.is_over:
            raise SweepLockedError(
                f"{min(twice)} runs already, as {job.id}; follow it with  {_again('logs', job.id, server)}"
            )


def _name(known: Sequence["SubmittedJob"], sweeps: Sequence[str]) -> str:
    """A name that no job has: the first sweep's, and a number."""
    taken, number = {job.id for job in known}, 1
    while f"{sweeps[0]}-{number}" in taken:
        number += 1
    return f"{sweeps[0]}-{number}"


def _environment(screen: Terminal, names: Sequence[str]) -> dict[str, str]:
    """The variables that the driver gets."""
    from sweeper.errors import UsageError

    missing = [name for name in names if name not in os.environ]
    if missing:
        raise UsageError(f"--env {missing[0]}: is not set here; set it, or leave it out")
    found = {name: value for name, value in os.environ.items() if name in names or name.startswith(_PASSED)}
    store = found.get("MLFLOW_TRACKING_URI", "")
    if store.startswith(_LOCAL) and "MLFLOW_TRACKING_URI" not in names:
        del found["MLFLOW_TRACKING_URI"]
        screen.line(
            "MLFLOW_TRACKING_URI is a file here, and is not passed on; the head keeps mlflow.db with its sweeps"
        )
    return {**found, "COLUMNS": str(screen.console.width)}


def _follow(screen: Terminal, server: "JobServer", name: str) -> None:
    """Show a job until it is over, and end as it ended."""
    from sweeper.terminal.remote_view import RemoteViewer

    watcher = RemoteViewer(screen)
    with _leaving(screen, server, name):
        watcher.watch(server.log(name))
    job = _ended(server, name)
    if watcher.results is not None:
        screen.result(watcher.results)
    if job.status == "SUCCEEDED":
        return
    if job.exit_code == _MISSING:
        screen.errors.print(
            f"{server.address}: its head has no sweeper on its PATH; cluster/README.md says how an image is made"
        )
    elif job.status == "STOPPED":
        screen.errors.print(f"{name} was stopped; submitting it again goes on where it stopped")
    else:
        screen.errors.print(f"{name} failed; {job.message}", markup=False)
    raise typer.Exit(job.exit_code or 1)


def _ended(server: "JobServer", name: str) -> "SubmittedJob":
    """A job that ends, when it has: Ray tells nobody, and notes it a moment after the log is over."""
    job = server.job(name)
    while not job.is_over:
        time.sleep(0.2)
        job = server.job(name)
    return job


@contextmanager
def _leaving(screen: Terminal, server: "JobServer", name: str) -> Iterator[None]:
    """Say how to come back where the user leaves, or the cluster does."""
    from sweeper.errors import SweeperError, SweepInterrupted

    try:
        yield
    except SweepInterrupted:
        screen.line(f"{name} goes on without you; {_again('logs', name, server)}")
        raise
    except SweeperError:
        screen.line(f"{name} may go on; {_again('logs', name, server)}")
        raise


def _again(verb: str, name: str, server: "JobServer") -> str:
    return f"sweeper {verb} {name} --address {server.address}"


def _moment(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if at else "not yet"


def _length(job: "SubmittedJob") -> str:
    from sweeper.terminal import formatting

    end: Any = job.ended or time.time()
    return formatting.format_duration(end - job.began) if job.began else ""
