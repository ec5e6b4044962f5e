"""`sweeper watch`: the live view of a sweep that runs elsewhere."""

from typing import TYPE_CHECKING

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, AsEvents, AsJson, Sweeps
from sweeper.cli.run import show_completed
from sweeper.cli.session import cli_session, typed_command
from sweeper.cli.stop import Target, describe_rest, is_job
from sweeper.cli.submit import Address, Insecure, connect, follow

if TYPE_CHECKING:
    from sweeper.app.show_sweep import SweepSnapshot
    from sweeper.terminal.terminal import Terminal


def watch(
    context: typer.Context,
    target: Target,
    sweeps: Sweeps = DEFAULT_SWEEPS,
    address: Address = None,
    insecure: Insecure = False,
    as_json: AsJson = False,
    as_events: AsEvents = False,
) -> None:
    """Watch a sweep that another process drives, in the view of `sweeper run`, until it ends.

    It reads the record as it grows, and changes nothing; Ctrl-C stops watching, and the sweep goes on. With --address,
    the name is that of a job on a cluster, with or without the number at its end. Exit code 1: nobody drives the sweep,
    and it is not finished.

    Example: sweeper watch sst5-3f9a1c2e
    """
    hint = f"the sweep goes on; watch it again: {typed_command()}"
    with cli_session(as_json=as_json, as_events=as_events, resume_hint=hint) as terminal:
        if is_job(context, target, sweeps, address):
            from sweeper.app.submit import find_job

            server = connect(address, insecure=insecure)
            follow(terminal, server, find_job(server, target).id)
            return
        from sweeper.app.watch_sweep import watch_sweep
        from sweeper.storage.sweep_names import find_named_sweep

        snapshot = watch_sweep(terminal, find_named_sweep(target, sweeps))
        if terminal.is_read:
            _show_end(terminal, snapshot)


def _show_end(terminal: "Terminal", snapshot: "SweepSnapshot") -> None:
    """Show the results of a finished sweep as `run` does; of another, say how it continues, and raise Exit."""
    from sweeper.app.run_sweeps import CompletedRun

    folder = snapshot.folder
    terminal.result(snapshot.results.to_dict())
    if not folder.is_finished:
        terminal.line(f"{folder.name}: nobody drives it{describe_rest(folder)}")
        raise typer.Exit(1)
    show_completed(terminal, CompletedRun(snapshot.spec, folder, snapshot.results))
