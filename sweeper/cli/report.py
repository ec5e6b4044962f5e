"""`sweeper report`: the report page of a sweep, finished or not."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweep, Sweeps
from sweeper.cli.session import cli_session


def report(
    sweep: Sweep,
    texts: Annotated[
        bool,
        typer.Option("--texts/--no-texts", help="Show the texts of confident errors; this needs their data set."),
    ] = True,
    out: Annotated[Path | None, typer.Option(help="File for the page.", show_default="SWEEP/report.html")] = None,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Write a sweep's report: one HTML file that needs no network, for a sweep that is finished or not.

    Example: sweeper report sst5-3f9a1c2e --out report.html
    """
    with cli_session() as terminal:
        from sweeper.app.output_paths import require_writable_file
        from sweeper.app.report import report_sweep
        from sweeper.storage.sweep_names import find_named_sweep

        folder = find_named_sweep(sweep, sweeps)
        if out is not None:
            require_writable_file("--out", out)
        page = report_sweep(terminal, folder, texts=texts, out=out)
        terminal.line(f"report: {page} ({page.stat().st_size / 1e6:.1f} MB)")
