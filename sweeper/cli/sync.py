"""`sweeper sync`: makes MLflow equal to the record of sweeps."""

from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweeps
from sweeper.cli.session import cli_session, typed_command


def sync(
    named: Annotated[
        list[str],
        typer.Argument(
            metavar="SWEEP...", help="Sweeps by name, such as sst5-3f9a1c2e, or folder.", show_default=False
        ),
    ],
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Give up when MLflow has not answered for this long.")
    ] = 30.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")] = False,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Make MLflow equal to the record of sweeps, after MLflow was down or a driver died.

    Runs of interrupted trials are closed as KILLED; `sweeper run` reopens them. Syncing twice changes nothing.
    MLFLOW_TRACKING_URI says where MLflow is, as for `sweeper run`.

    Example: sweeper sync sst5-3f9a1c2e
    """
    with cli_session(quiet=quiet, resume_hint=f"the same command continues: {typed_command()}") as terminal:
        from sweeper.app.mlflow_sync import sync_all
        from sweeper.storage.sweep_names import find_named_sweep

        sync_all(terminal, [find_named_sweep(name, sweeps) for name in named], wait)
