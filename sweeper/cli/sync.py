"""`sweeper sync`: makes MLflow equal to the record of sweeps."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.session import cli_session


def sync(
    sweeps: Annotated[
        list[Path],
        typer.Argument(metavar="SWEEP...", help="Folders of sweeps, such as sweeps/sst5-3f9a1c2e.", show_default=False),
    ],
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Give up when MLflow has not answered for this long.")
    ] = 30.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")] = False,
) -> None:
    """Make MLflow equal to the record of sweeps, after MLflow was down or a driver died.

    Runs of interrupted trials are closed as KILLED; `sweeper run` reopens them. Syncing twice changes nothing.
    MLFLOW_TRACKING_URI says where MLflow is, as for `sweeper run`.
    """
    with cli_session(quiet=quiet, resume_hint="the same command continues") as terminal:
        from sweeper.app.mlflow_sync import sync_all
        from sweeper.storage.sweep_folder import open_sweep

        sync_all(terminal, [open_sweep(path) for path in sweeps], wait)
