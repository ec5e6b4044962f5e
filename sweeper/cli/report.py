"""`sweeper report`: the report page of a sweep, finished or not."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.session import cli_session


def report(
    sweep: Annotated[Path, typer.Argument(help="A sweep's folder, such as sweeps/sst5-3f9a1c2e.", show_default=False)],
    texts: Annotated[
        bool,
        typer.Option("--texts/--no-texts", help="Show the texts of confident errors; this needs their data set."),
    ] = True,
    out: Annotated[Path | None, typer.Option(help="File for the page.", show_default="SWEEP/report.html")] = None,
) -> None:
    """Write a sweep's report: one HTML file that needs no network, for a sweep that is finished or not."""
    with cli_session() as terminal:
        from sweeper.app.report import report_sweep
        from sweeper.storage.sweep_folder import open_sweep

        page = report_sweep(terminal, open_sweep(sweep), texts=texts, out=out)
        terminal.line(f"report: {page} ({page.stat().st_size / 1e6:.1f} MB)")
