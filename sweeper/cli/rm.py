"""`sweeper rm`: deletes sweeps."""

import sys
from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweeps
from sweeper.cli.session import cli_session
from sweeper.terminal.terminal import Terminal
from sweeper.wording import quote_value


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
            if not _ask(terminal, f"delete {what}{' and the runs in MLflow' if runs else ''}?"):
                terminal.line("nothing was deleted")
                raise typer.Exit(1)
        for folder in folders:
            reason_to_keep_runs = describe_kept_runs(folder) if runs else ""
            num_runs = remove_sweep(folder.path, runs=runs)
            ending = f" and {num_runs} runs in MLflow" if runs else ""
            if reason_to_keep_runs:
                ending = f"; {reason_to_keep_runs}"
            terminal.line(f"deleted {folder.path}{ending}")


def _ask(terminal: Terminal, question: str) -> bool:
    """Return True if the user says yes. Enter, and the end of the input, are a no."""
    while True:
        terminal.text(f"{question} [y/N]: ")
        word = sys.stdin.readline().strip().lower()
        if word in ("y", "yes", "n", "no", ""):
            return word in ("y", "yes")
        terminal.line(f"{quote_value(word)} is neither yes nor no; write y to delete, or n to keep")
