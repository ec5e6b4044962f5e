"""TODO."""

from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.terminal.output import Output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sweeper.data.preprocessing import PreparedDataset
    from sweeper.protocol.sweep_results import SweepResults
    from sweeper.reporting.html.html_elements import Html
    from sweeper.reporting.html.report_data import ModelAnswers, ReportData
    from sweeper.search_space.sweep_spec import SweepSpec
    from sweeper.storage.sweep_folder import SweepFolder
    from sweeper.trials.trial import TrialRecord

_SHOWN = ("sweeper", "torch", "transformers", "optuna", "ray", "mlflow", "datasets", "numpy", "scipy", "plotly")


def prepared_dataset(output: Output, folder: "SweepFolder") -> "tuple[PreparedDataset | None, str]":
    """The rows of the sweep; where they cannot be had now, why: a report without texts is better than none."""
    from sweeper.app.prepare_data import prepare_sweep
    from sweeper.errors import UsageError

    output.set_log_dir(folder.path / "logs")
    try:
        return prepare_sweep(output, folder.spec, folder).dataset, ""
    except UsageError as error:
        line = str(error).splitlines()[0]
        output.line(f"the texts cannot be had, so the report has none: {line}")
        return None, f"The texts could not be had when this was written: {line}"


def write_report(
    output: Output, folder: "SweepFolder", spec: "SweepSpec", recorded: "Sequence[TrialRecord]",
    results: "SweepResults", corpus: "PreparedDataset | None", *, untold: str = "", finished: bool = True,
    out: Path | None = None,
) -> Path:  # fmt: skip
    """Write the report of a sweep, whole or not at all; where it is.

    Without a corpus it has no texts, and `untold` says why; one that is not `finished` says so.
    """
    from sweeper.atomic_write import atomic_write
    from sweeper.record.importance import importances
    from sweeper.reporting.html.page import build_page
    from sweeper.reporting.html.report_data import ReportData
    from sweeper.reporting.html.search_figures import importance_inputs
    from sweeper.reporting.html.sections import sections
    from sweeper.reporting.plots import draw
    from sweeper.search_space.yaml_file import dump_yaml
    from sweeper.terminal import formatting

    systems = range(len(spec.systems))
    with output.step("writing the report"):
        names = [formatting.system_label(spec, system) for system in systems]
        subject = ReportData(spec, recorded, results, names, _answered(folder, results, corpus, untold), finished)
        mattered = {system: importances(importance_inputs(subject, system)) for system in systems}
        found = sections(subject, _table(subject), mattered, _facts(folder), dump_yaml(spec))
        html = build_page(
            f"{folder.name}: sweep report", formatting.describe_spec(spec), found, draw.plotly_js(), draw.figure_html
        )
        place = out or folder.path / "report.html"
        with atomic_write(place) as file:
            file.write(html.encode())
    return place


def _table(subject: "ReportData") -> "Html":
    """The published table of this sweep alone, by the metric of its objective where there is such a table."""
    from sweeper.protocol.finished_sweep import FinishedSweep
    from sweeper.reporting.html.html_elements import Html
    from sweeper.reporting.table.formats import render
    from sweeper.reporting.table.results_table import METRICS, build_table

    metric = subject.metric if subject.metric in METRICS else METRICS[0]
    return Html(
        render(build_table([FinishedSweep.from_predictions(subject.results, subject.answered.test)], metric), "html")
    )


def _answered(
    folder: "SweepFolder", results: "SweepResults", corpus: "PreparedDataset | None", untold: str
) -> "ModelAnswers":
    """What the models of the confirmed settings answered, as far as it was kept."""
    from sweeper.reporting.html.report_data import ModelAnswers
    from sweeper.storage import predictions

    trials, labels = results.confirmed_trials, tuple(results.labels)
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
