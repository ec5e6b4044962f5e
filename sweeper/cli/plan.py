"""`sweeper plan`: what a search space would run and use."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, AsJson, Sweeps
from sweeper.cli.run import Overrides
from sweeper.cli.session import cli_session


def plan(
    file: Annotated[
        Path, typer.Argument(metavar="SPACE", help="A search space: a file, or the name of one that ships.")
    ],
    overrides: Overrides = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate/--no-calibrate", help="Time a few training steps; fetch what they need.")
    ] = True,
    inline: Annotated[
        bool, typer.Option("--inline", help="Plan a run with --inline: one process, without Ray.")
    ] = False,
    as_json: AsJson = False,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Show what a search space would run and use, without running it.

    A few training steps for each encoder, loss and batch size give time, memory and disk; --no-calibrate leaves them
    out and fetches nothing. `sweeper run` of the same search space uses these times. Exit code 2: it would exceed
    budget.hours, budget.gpu_hours, budget.cost or the free disk.

    Example: sweeper plan search_spaces/sst5.yaml --set budget.trials=8
    """
    with cli_session(as_json=as_json) as terminal:
        from sweeper.app.output_paths import require_sweeps_folder
        from sweeper.app.specs import load_spec
        from sweeper.errors import UsageError

        spec = load_spec(file, overrides or ())
        if calibrate:
            require_sweeps_folder(sweeps)
        from sweeper.app.plan_sweep import plan_sweep
        from sweeper.terminal.formatting import describe_spec
        from sweeper.terminal.plan_view import plan_table

        terminal.line(f"{file}: {describe_spec(spec)}", style="bold")
        planned = plan_sweep(terminal, spec, sweeps, calibrate=calibrate, inline=inline)
        terminal.table(plan_table(planned))
        terminal.result(planned.model_dump(mode="json"))
        if planned.exceeded:
            raise UsageError("\n".join(planned.exceeded))
