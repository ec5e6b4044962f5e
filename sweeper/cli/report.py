"""`sweeper report`: the report page of a sweep, finished or not, or one page that compares several."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweeps, complete_sweep
from sweeper.cli.choices import valid_by
from sweeper.cli.session import cli_session
from sweeper.reporting.table.metrics import metric_problem


def report(
    named: Annotated[
        list[str],
        typer.Argument(
            metavar="SWEEP...",
            help="A sweep, by name or folder; with several, one page compares them.",
            show_default=False,
            autocompletion=complete_sweep,
        ),
    ],
    texts: Annotated[
        bool,
        typer.Option("--texts/--no-texts", help="Show the texts of confident errors; this needs their data set."),
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option(help="File for the page.", show_default="SWEEP/report.html; for several, comparison.html"),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            parser=valid_by(metric_problem),
            metavar="NAME",
            help="The metric by which the table is shown first, as in sweeper table.",
            show_default="that of the objective, else that of the task",
        ),
    ] = None,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Write a sweep's report: one HTML file that needs no network, for a sweep that is finished or not.

    With several finished sweeps, one page compares them: data sets as columns, systems as rows. A menu has the metrics.

    Example: sweeper report sst5-3f9a1c2e --out report.html
    """
    with cli_session() as terminal:
        from sweeper.app.compare_report import FILE_NAME as COMPARISON
        from sweeper.app.compare_report import write_comparison
        from sweeper.app.output_paths import format_of_file, require_writable_file
        from sweeper.app.report import FILE_NAME as REPORT
        from sweeper.app.report import report_sweep
        from sweeper.storage.sweep_names import find_named_sweep
        from sweeper.terminal.sweeps_table import format_bytes

        folders = [find_named_sweep(name, sweeps) for name in named]
        is_one = len(folders) == 1
        path = out or (folders[0].path / REPORT if is_one else sweeps / COMPARISON)
        if out is not None or path.parent.exists():
            require_writable_file("--out", path)
        format_of_file(path, {".html": "html", ".htm": "html"}, "html")
        if is_one:
            page, label = report_sweep(terminal, folders[0], texts=texts, out=path, metric=metric), "report"
        else:
            page, label = write_comparison(named, sweeps, path, metric), "comparison"
        terminal.line(f"{label}: {page} ({format_bytes(page.stat().st_size)})")
