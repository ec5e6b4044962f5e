"""`sweeper report`: a sweep on one page of HTML that needs no network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeper.cli.screen import Terminal, cli_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sweeper.folder import SweepFolder
    from sweeper.preparation import PreparedDataset
    from sweeper.report.html import Html
    from sweeper.report.subject import ModelAnswers, ReportData
    from sweeper.spec import SweepSpec
    from sweeper.values import TrialRecord

_SHOWN = ("sweeper", "torch", "transformers", "optuna", "ray", "mlflow", "datasets", "numpy", "scipy", "plotly")


def report(
    sweep: Annotated[Path, typer.Argument(help="A sweep's folder, such as sweeps/sst5-3f9a1c2e.", show_default=False)],
    texts: Annotated[
        bool,
        typer.Option("--texts/--no-texts", help="Show texts of the data set, or leave them out: for licensed data."),
    ] = True,
    out: Annotated[Path | None, typer.Option(help="Where the page goes.", show_default="SWEEP/report.html")] = None,
) -> None:
    """Write a sweep's report: one file of HTML that needs no network, of a sweep that is finished or not."""
    with cli_session() as screen:
        from contextlib import closing

        from sweeper.folder import open_sweep
        from sweeper.record.study import OptunaStudy
        from sweeper.results import build_results

        folder = open_sweep(sweep)
        kept, spec = folder.results(), folder.spec
        with closing(OptunaStudy(spec, folder.journal, folder.manifest.threads)) as study:
            recorded, looks = study.all_trials(), study.test_accesses()
        found = build_results(spec, folder, recorded, looks)
        corpus, untold = None, "" if texts else "Texts were left out (--no-texts)."
        if texts and (folder.path / "predictions").exists():
            corpus, untold = _corpus(screen, folder)
        place = write_report(
            screen, folder, spec, recorded, found, corpus, untold=untold, finished=kept is not None, out=out
        )
        screen.line(f"report: {place} ({place.stat().st_size / 1e6:.1f} MB)")


def _corpus(screen: Terminal, folder: "SweepFolder") -> "tuple[PreparedDataset | None, str]":
    """The rows of the sweep; where they cannot be had now, why: a report without texts is better than none."""
    from sweeper.cli.prepare import prepare_sweep
    from sweeper.errors import UsageError

    screen.set_log_dir(folder.path / "logs")
    try:
        return prepare_sweep(screen, folder.spec, folder).dataset, ""
    except UsageError as error:
        line = str(error).splitlines()[0]
        screen.line(f"the texts cannot be had, so the report has none: {line}")
        return None, f"The texts could not be had when this was written: {line}"


def write_report(
    screen: Terminal, folder: "SweepFolder", spec: "SweepSpec", recorded: "Sequence[TrialRecord]",
    results: "Mapping[str, Any]", corpus: "PreparedDataset | None", *, untold: str = "", finished: bool = True,
    out: Path | None = None,
) -> Path:  # fmt: skip
    """Write the report of a sweep, whole or not at all; where it is.

    Without a corpus it has no texts, and `untold` says why; one that is not `finished` says so.
    """
    from sweeper.cli import words
    from sweeper.plots import plots
    from sweeper.record.importance import importances
    from sweeper.report.page import build_page
    from sweeper.report.resolved import resolved
    from sweeper.report.search import importance_inputs
    from sweeper.report.sections import sections
    from sweeper.report.subject import ReportData
    from sweeper.whole import atomic_write

    cells = range(len(spec.systems))
    with screen.step("writing the report"):
        names = [words.system_label(spec, cell) for cell in cells]
        subject = ReportData(spec, recorded, results, names, _answered(folder, results, corpus, untold), finished)
        mattered = {cell: importances(importance_inputs(subject, cell)) for cell in cells}
        found = sections(subject, _table(subject), mattered, _facts(folder), resolved(spec))
        html = build_page(
            f"{folder.name}: sweep report", words.describe_spec(spec), found, plots.plotly_js(), plots.figure_html
        )
        place = out or folder.path / "report.html"
        with atomic_write(place) as file:
            file.write(html.encode())
    return place


def _table(subject: "ReportData") -> "Html":
    """The published table of this sweep alone, by the metric of its objective where there is such a table."""
    from sweeper.cli.publish import as_finished_sweep
    from sweeper.report.html import Html
    from sweeper.tables.formats import render
    from sweeper.tables.table import METRICS, build_table

    metric = subject.metric if subject.metric in METRICS else METRICS[0]
    return Html(render(build_table([as_finished_sweep(subject.results, subject.answered.test)], metric), "html"))


def _answered(
    folder: "SweepFolder", results: "Mapping[str, Any]", corpus: "PreparedDataset | None", untold: str
) -> "ModelAnswers":
    """What the models of the confirmed settings answered, as far as it was kept."""
    from sweeper.cli.publish import confirmed_trials
    from sweeper.edges import predictions
    from sweeper.report.subject import ModelAnswers

    trials, labels = confirmed_trials(results), tuple(results["labels"])
    validation, test = (
        predictions.load_predictions(folder.path, trials, split, labels) for split in ("validation", "test")
    )
    learned = {trial: predictions.load_class_weights(folder.path, trial) for trial in trials}
    weights = {trial: found for trial, found in learned.items() if found is not None}
    return ModelAnswers(validation, test, weights, _texts(corpus), untold)


def _texts(corpus: "PreparedDataset | None") -> "Sequence[str] | None":
    """The texts of validation, the two of a pair joined."""
    if corpus is None:
        return None
    rows = corpus.splits["validation"]
    return rows.texts if rows.pairs is None else [f"{a} ⏐ {b}" for a, b in zip(rows.texts, rows.pairs, strict=True)]


def _facts(folder: "SweepFolder") -> dict[str, str]:
    """Versions of what is installed here now, and the revisions that the sweep began with."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    def installed(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "not installed"

    revisions = {f"revision of {name}": revision for name, revision in folder.manifest.resolved.items()}
    return {**revisions, "Python": platform.python_version(), **{name: installed(name) for name in _SHOWN}}
