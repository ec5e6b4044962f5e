"""`sweeper stop`: ends a sweep, one of its trials, or a job on a cluster."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweeps, complete_sweep
from sweeper.cli.continuation import describe_continuation
from sweeper.cli.session import cli_session
from sweeper.cli.submit import Address, Insecure, connect, names_cluster
from sweeper.terminal.terminal import Terminal

if TYPE_CHECKING:
    from sweeper.execution.job_server import JobServer
    from sweeper.storage.sweep_folder import SweepFolder

Target = Annotated[
    str,
    typer.Argument(
        metavar="SWEEP|JOB",
        help="A sweep, by name or folder, or a job on a cluster, as `sweeper jobs` lists it.",
        show_default=False,
        autocompletion=complete_sweep,
    ),
]


def stop(
    context: typer.Context,
    target: Target,
    trial: Annotated[
        int | None, typer.Argument(help="A trial's number: only this trial ends.", show_default="the whole sweep")
    ] = None,
    sweeps: Sweeps = DEFAULT_SWEEPS,
    address: Address = None,
    insecure: Insecure = False,
    in_job: Annotated[bool, typer.Option("--in-job", hidden=True, help="Sent by `sweeper stop JOB TRIAL`.")] = False,
) -> None:
    """Stop a sweep and keep its progress, as Ctrl-C where it runs does; the same command continues it.

    With a trial's number, only that trial ends: it is recorded as stopped by the user, and its score counts as that of
    a trial that was stopped early. With --address, the name is that of a job, with or without the number at its end;
    its trials are stopped in the same way.

    Example: sweeper stop sst5-3f9a1c2e 12
    """
    with cli_session(relayed=in_job, resume_hint="the driver stops all the same") as terminal:
        if in_job and trial is not None:
            from sweeper.app.stop_job_trial import answer_in_job

            terminal.result(answer_in_job(Path(target), sweeps, trial))
            return
        if is_job(context, target, sweeps, address):
            stop_job(terminal, connect(address, insecure=insecure), target, trial)
            return
        from sweeper.storage.sweep_names import find_named_sweep

        folder = find_named_sweep(target, sweeps)
        if trial is None:
            _stop_sweep(terminal, folder)
        else:
            _stop_trial(terminal, folder, trial)


def is_job(context: typer.Context, target: str, sweeps: Path, address: str | None) -> bool:
    """Return True if the user means a job: --address is given, or a cluster's is set and no sweep here has the name."""
    from sweeper.storage.sweep_names import named_folder

    source = context.get_parameter_source("address")
    is_given = source is not None and source.name == "COMMANDLINE"
    return is_given or (names_cluster(address) and named_folder(target, sweeps) is None)


def _stop_sweep(terminal: Terminal, folder: "SweepFolder") -> None:
    from sweeper.app.stop_sweep import stop_sweep
    from sweeper.protocol.sweep_summary import SweepState
    from sweeper.storage.record_lock import describe_holder, is_locked

    if not is_locked(folder.journal):
        terminal.line(f"{folder.name}: nobody drives it{describe_rest(folder)}")
        return
    with terminal.step(f"stopping {folder.name}, driven by {describe_holder(folder.journal)}"):
        summary = stop_sweep(folder)
    if summary.state == SweepState.FINISHED:
        terminal.line(f"{folder.name} was finished before it stopped")
    else:
        done = f"{summary.trainings_ended} of {summary.trainings_planned} trainings"
        terminal.line(f"{folder.name} is stopped, with {done} ended; {describe_continuation(folder, 'continue it: ')}")


def describe_rest(folder: "SweepFolder") -> str:
    """Return what remains of a sweep that nobody drives: that it is finished, or how it continues."""
    if folder.is_finished:
        return "; it is finished"
    return f"; {describe_continuation(folder, 'continue it: ')}"


def _stop_trial(terminal: Terminal, folder: "SweepFolder", number: int) -> None:
    from sweeper.app.stop_sweep import describe_end, find_stoppable, stop_trial

    end = find_stoppable(folder, number).end
    if end is None:
        with terminal.step(f"stopping trial {number} of {folder.name}"):
            end = stop_trial(folder, number).end
    if end is not None:
        terminal.line(describe_end(number, end))


def stop_job(terminal: Terminal, server: "JobServer", name: str, trial: int | None) -> None:
    """Stop a job, or one trial of it, and say how it ended. Raises UsageError for an unknown name."""
    from sweeper.app.stop_job_trial import stop_trial_of_job
    from sweeper.app.submit import find_job, wait_for_end

    job = find_job(server, name)
    if trial is not None:
        terminal.line(stop_trial_of_job(terminal, server, job, name, trial))
        return
    if job.is_over:
        terminal.line(f"{job.id} is over: {job.status.lower()}")
        return
    server.stop(job.id)
    with terminal.step(f"stopping {job.id}"):
        ended_job = wait_for_end(server, job.id)
    if ended_job.status == "STOPPED":
        terminal.line(f"{job.id} is stopped; submitting it again continues where it stopped")
    else:
        terminal.line(f"{job.id} was over before it stopped: {ended_job.status.lower()}")
