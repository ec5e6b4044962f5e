"""`sweeper rm`: deletes sweeps."""

import sys
from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweeps
from sweeper.cli.session import cli_session


def rm(
    named: Annotated[
        list[str], typer.Argument(metavar="SWEEP...", help="Sweeps by name or folder.", show_default=False)
    ],
    runs: Annotated[bool, typer.Option("--runs", help="Also delete their runs and models from MLflow.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Delete sweeps, after a question that says how much space each has. One that runs now is never deleted.

    The runs in MLflow stay unless --runs is given, and while a copy of the sweep is beside it; mlflow gc frees the
    space of deleted runs.

    Example: sweeper rm sst5-3f9a1c2e --runs
    """
    with cli_session() as terminal:
        from sweeper.app.remove_sweeps import describe_kept_runs, describe_loss, find_removable_sweeps, remove_sweep
        from sweeper.errors import UsageError

        folders = find_removable_sweeps(named, sweeps)
        for folder in folders:
            terminal.line(describe_loss(folder))
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError("sweeper rm: nobody can answer its question here; --yes deletes without asking")
            what = "it" if len(folders) == 1 else f"these {len(folders)} sweeps"
            if not _ask(f"delete {what}{' and the runs in MLflow' if runs else ''}?"):
                terminal.line("nothing was deleted")
                raise typer.Exit(1)
        for folder in folders:
            kept = describe_kept_runs(folder) if runs else ""
            deleted = remove_sweep(folder.path, runs=runs)
            ending = f"; {kept}" if kept else f" and {deleted} runs in MLflow" if runs else ""
            terminal.line(f"deleted {folder.path}{ending}")


def _ask(question: str) -> bool:
    """Return True if the user says yes. The end of the input, and Ctrl-C, are a no."""
    try:
        return typer.confirm(question)
    except typer.Abort:
        return False
