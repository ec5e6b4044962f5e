"""`sweeper clone`: one more trial of a sweep's search, with values that the user chooses."""

from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, AsJson, Sweep, Sweeps
from sweeper.cli.continuation import describe_continuation
from sweeper.cli.session import cli_session


def clone(
    sweep: Sweep,
    trial: Annotated[int, typer.Argument(help="Number of the trial to clone.", show_default=False)],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a searched hyperparameter; repeat for more."),
    ] = None,
    sweeps: Sweeps = DEFAULT_SWEEPS,
    as_json: AsJson = False,
) -> None:
    """Add a trial to a sweep's search: one of its trials with some values changed.

    The values must lie in the search space. The trial comes on top of budget.trials, and is marked as the user's. A
    running sweep starts it next. It is refused once the test split was scored.

    Example: sweeper clone sst5-3f9a1c2e 12 --set learning_rate=2e-5
    """
    with cli_session(as_json=as_json, resume_hint="a running sweep may add the trial all the same") as terminal:
        from sweeper.app.clone_trial import clone_trial
        from sweeper.search_space.changed_setting import parse_changes
        from sweeper.storage.record_lock import is_locked
        from sweeper.storage.sweep_names import find_named_sweep
        from sweeper.terminal.formatting import format_params, searched_params

        folder = find_named_sweep(sweep, sweeps)
        new = clone_trial(folder, trial, parse_changes(overrides or ()))
        setting = format_params(searched_params(folder.read_spec(), new.system, new.params))
        terminal.line(f"trial {new.number} of {folder.name} is added, a clone of trial {trial}: {setting}")
        if is_locked(folder.journal):
            terminal.line("it starts next; early stopping judges it as any other")
        else:
            terminal.line(describe_continuation(folder, "train it:  "))
        terminal.result({"sweep": folder.name, "trial": new.number, "clone_of": trial, "params": dict(new.params)})
