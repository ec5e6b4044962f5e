"""`sweeper table`: the table to publish, from all that is in MLflow."""

import gc
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Annotated

import typer

from sweeper.cli.session import cli_session
from sweeper.reporting.table.formats import FORMATS, TableFormat
from sweeper.reporting.table.metrics import DEFAULT_METRIC, METRICS, TableMetric
from sweeper.wording import allowed_hint, quote_value


def _one_of(names: Collection[str]) -> Callable[[str], str]:
    """Return a parser of an option that accepts one of `names`."""

    def parse(value: str) -> str:
        if value not in names:
            raise typer.BadParameter(f"{quote_value(value)} is unknown; {allowed_hint(names, value)}")
        return value

    return parse


def _labels(registry: Mapping[str, TableFormat | TableMetric]) -> str:
    """Return the names of a registry with their labels, for the help."""
    return ", ".join(f"{name} ({entry.label})" for name, entry in registry.items())


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
    metric: Annotated[
        str,
        typer.Option(
            parser=_one_of(METRICS), metavar="NAME", help=f"The metric of the test split: {_labels(METRICS)}."
        ),
    ] = DEFAULT_METRIC,
    format_: Annotated[
        str,
        typer.Option("--format", parser=_one_of(FORMATS), metavar="NAME", help=f"The format: {_labels(FORMATS)}."),
    ] = "md",
    published: Annotated[bool, typer.Option("--published", help="The papers' figures beside ours.")] = False,
    detail: Annotated[
        bool,
        typer.Option("--detail", help="Also settings, cost, test accesses, intervals, and the run of each number."),
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
        from sweeper.reporting.table.render import render
        from sweeper.reporting.table.results_table import build_table
        from sweeper.storage import predictions
        from sweeper.tracking import finished_sweeps

        wanted = [_wanted(name, sweeps) for name in named or ()]
        store = finished_sweeps.load_finished_sweeps(
            tracking_uri(sweeps), predictions.read_predictions, experiments or (), wanted
        )
        made = build_table(
            store.sweeps, metric, published=published, elsewhere=store.test_accesses, remarks=store.remarks
        )
        text = render(made, format_, detail=detail)
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
