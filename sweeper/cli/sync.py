"""`sweeper sync`: what MLflow lacks of a sweep's record is sent."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.terminal.terminal import cli_session


def sync(
    sweeps: Annotated[
        list[Path],
        typer.Argument(metavar="SWEEP...", help="Sweeps' folders: sweeps/sst5-3f9a1c2e.", show_default=False),
    ],
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Give up when MLflow answers nothing for so long.")
    ] = 30.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors alone.")] = False,
) -> None:
    """Bring MLflow level with the record of sweeps: after it was away, or after a driver died.

    Runs of trials that were cut off are closed as KILLED; `sweeper run` takes them up again. To send twice changes
    nothing. Where MLflow is comes from MLFLOW_TRACKING_URI, as for `sweeper run`.
    """
    with cli_session(quiet=quiet, again="the same command goes on") as screen:
        from sweeper.app.mlflow_sync import sync
        from sweeper.errors import SweeperError, UsageError
        from sweeper.storage.sweep_folder import open_sweep

        lacking = []
        for folder in [open_sweep(path) for path in sweeps]:
            try:
                screen.line(sync(screen, folder, wait))
            except UsageError:
                raise
            except SweeperError as error:
                lacking.append(str(error))
        if lacking:
            raise SweeperError("\n".join(lacking))
