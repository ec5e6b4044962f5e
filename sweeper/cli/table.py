"""`sweeper table`: the table to publish, from all that is in MLflow."""

import gc
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sweeper.terminal.terminal import cli_session


class Metric(StrEnum):
    """What a cell is a mean of; tables.METRICS."""

    ACCURACY = "accuracy"
    MACRO_F1 = "macro_f1"
    WEIGHTED_F1 = "weighted_f1"


class Format(StrEnum):
    """How the table is written; formats.FORMATS."""

    MD = "md"
    CSV = "csv"
    LATEX = "latex"
    HTML = "html"
    JSON = "json"


def table(
    named: Annotated[
        list[str] | None,
        typer.Argument(metavar="SWEEP", help="Sweeps by folder or name; by default all that are finished."),
    ] = None,
    sweeps: Annotated[Path, typer.Option(metavar="DIR", help="Where sweeps are kept, and mlflow.db.")] = Path("sweeps"),
    experiments: Annotated[
        list[str] | None,
        typer.Option("--experiment", metavar="NAME", help="Of MLflow's experiments, this one; again for more."),
    ] = None,
    metric: Annotated[Metric, typer.Option(help="Which metric of the test split.")] = Metric.ACCURACY,
    format_: Annotated[Format, typer.Option("--format", help="LaTeX needs booktabs alone.")] = Format.MD,
    published: Annotated[bool, typer.Option("--published", help="The papers' figures beside ours.")] = False,
    detail: Annotated[
        bool, typer.Option("--detail", help="Also settings, cost, looks, intervals, and the run of each number.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it to this file.", show_default="the screen")
    ] = None,
) -> None:
    """Print the table to publish: systems by data sets, mean and deviation over fresh seeds of the test split.

    It is rebuilt from MLflow alone (MLFLOW_TRACKING_URI, else mlflow.db in DIR), over sweeps, data sets and machines.

    The best of a column is bold where its lead over the next best stands. What is odd, or left out, has a note.
    """
    gc.disable()  # many objects are made and few dropped: looking for cycles among them took two fifths of the time
    with cli_session() as screen:
        from sweeper.app.mlflow_sync import tracking_uri
        from sweeper.reporting.table.formats import render
        from sweeper.reporting.table.results_table import build_table as tabulated
        from sweeper.storage import predictions
        from sweeper.tracking import finished_sweeps

        wanted = [_wanted(name, sweeps) for name in named or ()]
        store = finished_sweeps.load_finished_sweeps(
            tracking_uri(sweeps), predictions.read_predictions, experiments or (), wanted
        )
        made = tabulated(
            store.sweeps, metric.value, published=published, elsewhere=store.test_accesses, remarks=store.remarks
        )
        text = render(made, format_.value, detail=detail)
        if out is None:
            screen.console.file.write(text)
        else:
            _write(out, text)
            screen.line(f"written to {out}")


def _wanted(name: str, sweeps: Path) -> tuple[str, str]:
    """The name of a sweep, and its id where its folder is at hand."""
    from sweeper.storage.sweep_folder import open_sweep

    for place in (Path(name), sweeps / name):
        if (place / "sweep.json").exists():
            folder = open_sweep(place)
            return folder.name, folder.manifest.id
    return Path(name).name, ""


def _write(path: Path, text: str) -> None:
    from sweeper.atomic_write import atomic_write

    with atomic_write(path) as file:
        file.write(text.encode())
