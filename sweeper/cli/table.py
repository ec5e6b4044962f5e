"""`sweeper table`: the published table of many sweeps, from their records."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweeps
from sweeper.cli.choices import chosen_format, format_option, labels_of, valid_by
from sweeper.cli.session import cli_session
from sweeper.cli.written_text import write_text
from sweeper.reporting.table.formats import DEFAULT_FORMAT, FORMATS
from sweeper.reporting.table.metrics import CLASS_FORMS, DEFAULT_METRIC, METRICS, metric_problem

Experiments = Annotated[
    list[str] | None,
    typer.Option("--experiment", metavar="NAME", help="Only sweeps in this MLflow experiment; repeat for more."),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        metavar="URI",
        help="Also read sweeps from this MLflow that have no folder here.",
        show_default="MLFLOW_TRACKING_URI, if it is set",
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(
        parser=valid_by(metric_problem),
        metavar="NAME",
        help=f"The metric of the test split: {labels_of(METRICS)}; of one class: {CLASS_FORMS}.",
        show_default=f"{DEFAULT_METRIC}; macro_f1 for task: multi_label",
    ),
]
Format = Annotated[str | None, format_option(FORMATS, labels_of(FORMATS), DEFAULT_FORMAT)]
_COLOURED = " or ".join(name for name, entry in FORMATS.items() if entry.has_colours)


def table(
    named: Annotated[
        list[str] | None,
        typer.Argument(metavar="SWEEP", help="Sweeps by folder or name; by default all finished ones."),
    ] = None,
    sweeps: Sweeps = DEFAULT_SWEEPS,
    tracking_uri: TrackingUri = None,
    experiments: Experiments = None,
    metric: Metric = None,
    format_: Format = None,
    published: Annotated[bool, typer.Option("--published", help="Also show the scores that papers report.")] = False,
    colour: Annotated[
        bool,
        typer.Option("--colour", "--color", help=f"Colour cells by significance, with --format {_COLOURED}."),
    ] = False,
    detail: Annotated[
        bool,
        typer.Option(
            "--detail", help="Also show settings, cost, test accesses, intervals, and the run of each number."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table to this file.", show_default="the screen")
    ] = None,
) -> None:
    """Print the published table: systems by data sets, mean and standard deviation of test scores over fresh seeds.

    It is built from the records in DIR, and MLflow is not needed. Sweeps of other machines come from MLflow.

    The best of a column is bold if its lead over each other tested system is significant. Anything unusual has a note.

    Example: sweeper table --out table.tex
    """
    with cli_session() as terminal:
        from sweeper.app.output_paths import require_writable_file
        from sweeper.app.table_of_sweeps import SweepSelection, render_table
        from sweeper.storage.sweep_names import require_folder

        require_folder(sweeps)
        if out is not None:
            require_writable_file("--out", out)
        format_name = chosen_format(format_, out, FORMATS, DEFAULT_FORMAT)
        selection = SweepSelection(sweeps, named or (), experiments or (), tracking_uri)
        text = render_table(selection, metric, format_name, published=published, detail=detail, colour=colour)
        write_text(terminal, text, out, is_markdown=format_name == DEFAULT_FORMAT)
