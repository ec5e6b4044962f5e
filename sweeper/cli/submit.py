"""`sweeper submit`, `jobs` and `logs`: sweeps on a Ray cluster that runs elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import AsJson
from sweeper.cli.run import Files, Overrides
from sweeper.cli.session import cli_session, typed_command
from sweeper.terminal.terminal import Terminal

if TYPE_CHECKING:
    from sweeper.execution.job_server import JobServer

Address = Annotated[
    str | None,
    typer.Option(
        envvar=["RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"],
        help="The cluster's dashboard, such as http://head:8265.",
        show_default=False,
    ),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Use a cluster that others can reach without a token.")]
Job = Annotated[str, typer.Argument(help="A job's name, as `sweeper jobs` lists it.", show_default=False)]

_COMMAND_NOT_FOUND = 127  # the shell's exit code
_NAMES_OF_NO_CLUSTER = ("auto", "local")  # of RAY_ADDRESS, as only Ray's own library understands them


def submit(
    files: Files,
    address: Address = None,
    overrides: Overrides = None,
    sweeps: Annotated[
        str | None,
        typer.Option(help="Folder of the sweeps on the head, /… or ~/…. [default: its SWEEPER_SWEEPS, else ~/sweeps]"),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start a new sweep; the earlier one is kept.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as the job is submitted.")] = False,
    env: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Also send this environment variable; repeat for more.")
    ] = None,
    shared_files: Annotated[
        bool,
        typer.Option("--shared-files", help="Send no data files and encoders: the head has them under the same path."),
    ] = False,
    insecure: Insecure = False,
    as_json: AsJson = False,
) -> None:
    """Run search spaces on a Ray cluster; the same command again continues where it stopped.

    It sends the search spaces with every key, the files that they name, and the environment variables MLFLOW_*,
    HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE. The driver runs on the head; all nodes need the same version of sweeper.

    Example: sweeper submit search_spaces/sst5.yaml --address http://head:8265
    """
    hint = f"the same command submits it: {typed_command(has_begun=False)}"
    with cli_session(as_json=as_json, resume_hint=hint) as terminal:
        from sweeper.app.specs import load_sweeps

        specs = load_sweeps(files, overrides or ())
        from sweeper.app.submit import driver_environment, job_command, require_head_folder, submit_sweeps

        require_head_folder(sweeps)
        environment = {**driver_environment(terminal, env or []), "COLUMNS": str(terminal.width)}
        with terminal.step(f"asking {_require_address(address)}"):
            server = connect(address, insecure=insecure)
        submission = submit_sweeps(
            terminal, server, specs, environment, sweeps=sweeps, fresh=fresh, shared_files=shared_files
        )
        job = submission.job
        terminal.line(f"{job}: submitted to {server.address}", style="bold")
        if detach:
            terminal.line(f"follow it:  {job_command('logs', job, server)}")
            terminal.line(f"stop it:    {job_command('stop', job, server)}")
            terminal.result({"job": job, "sweeps": list(submission.sweeps)})
        else:
            follow(terminal, server, job, again=typed_command())


def jobs(address: Address = None, insecure: Insecure = False, as_json: AsJson = False) -> None:
    """List the jobs that sweeper submitted to a cluster.

    Example: sweeper jobs --address http://head:8265
    """
    with cli_session(as_json=as_json) as terminal:
        from sweeper.terminal.jobs_table import jobs_table

        server = connect(address, insecure=insecure)
        submitted = server.jobs()
        if submitted:
            terminal.table(jobs_table([(job.id, job.status, job.began, job.ended) for job in submitted], time.time()))
        else:
            terminal.line(f"no jobs of sweeper on {server.address}")
        terminal.result({"jobs": [{**vars(job), "sweeps": list(job.sweeps)} for job in submitted]})


def logs(job: Job, address: Address = None, insecure: Insecure = False, as_json: AsJson = False) -> None:
    """Follow a job from its beginning, in the same view as `sweeper run`.

    Example: sweeper logs JOB --address http://head:8265
    """
    with cli_session(as_json=as_json) as terminal:
        server = connect(address, insecure=insecure)
        server.job(job)
        follow(terminal, server, job)


def _require_address(address: str | None) -> str:
    """Return the address. Raises UsageError if none is given, or one that only Ray's own library understands."""
    from sweeper.errors import UsageError

    if not address or not address.strip():
        raise UsageError("--address: is missing; name the cluster's dashboard, such as --address http://HEAD:8265")
    if address in _NAMES_OF_NO_CLUSTER:
        raise UsageError(
            f"--address {address} (or RAY_ADDRESS): names no cluster; name its dashboard, such as http://HEAD:8265"
        )
    return address


def names_cluster(address: str | None) -> bool:
    """Return True for an address that can be a cluster's, not for what RAY_ADDRESS has to run Ray on this machine."""
    return bool(address) and address not in _NAMES_OF_NO_CLUSTER


def connect(address: str | None, *, insecure: bool) -> "JobServer":
    """Return the job server of a cluster. Raises UsageError if no address is given, or nothing fits it."""
    dashboard = _require_address(address)
    from sweeper.execution.job_server import JobServer

    return JobServer(dashboard, insecure=insecure)


def follow(terminal: Terminal, server: "JobServer", name: str, again: str = "submitting it again") -> None:
    """Show a job until it is over, and exit as it did. `again` is the command that continues a stopped one."""
    from sweeper.app.submit import wait_for_end
    from sweeper.terminal.remote_view import RemoteViewer

    viewer = RemoteViewer(terminal)
    with _say_how_to_return(terminal, server, name, again):
        viewer.watch(server.log(name))
        job = wait_for_end(server, name)
    if viewer.results is not None:
        terminal.result(viewer.results)
    if job.status == "SUCCEEDED":
        return
    if job.exit_code == _COMMAND_NOT_FOUND:
        terminal.error(
            f"{server.address}: its head has no sweeper on its PATH; cluster/README.md says how an image is made"
        )
    elif job.status == "STOPPED":
        terminal.error(f"{name} was stopped; {again} continues where it stopped")
    elif job.exit_code is not None and job.exit_code < 0:
        terminal.error(f"{name}: its driver was killed (signal {-job.exit_code}); {again} continues where it stopped")
    else:
        terminal.error(f"{name} failed; {job.message}")
    raise typer.Exit(max(job.exit_code or 1, 1))


@contextmanager
def _say_how_to_return(terminal: Terminal, server: "JobServer", name: str, again: str) -> Iterator[None]:
    """Say how the job is followed again, where the user leaves or the cluster cannot be reached.

    A new head does not know the job of a lost one: `again` continues its sweep.
    """
    from sweeper.app.submit import job_command
    from sweeper.errors import SweeperError

    command = job_command("logs", name, server)
    terminal.resume_hint = f"{name} continues without you; follow it: {command}"
    try:
        yield
    except SweeperError:
        terminal.line(f"{name} may continue; follow it: {command}")
        terminal.line(f"if its head was lost, {again} continues where it stopped")
        raise
