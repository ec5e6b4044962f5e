"""Writes the report page of a sweep, finished or not: its results, its record, and what its models predicted."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.app.open_study import read_study
from sweeper.app.provenance import read_versions
from sweeper.data.preprocessing import PreparedDataset
from sweeper.errors import UsageError
from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.protocol.results import results_of_study
from sweeper.protocol.sweep_results import SweepResults
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal import formatting
from sweeper.terminal.output import Output
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:
    from sweeper.reporting.html.report_data import ModelPredictions, ReportData
    from sweeper.reporting.templates.environment import Html

_log = logging.getLogger(__name__)

FILE_NAME = "report.html"
TEXTS_LEFT_OUT = "Texts were left out (--no-texts)."


@dataclass(frozen=True)
class ReportedSweep:
    """A sweep as its report shows it: its record, and the results that the record gives."""

    folder: SweepFolder
    spec: SweepSpec
    records: Sequence[TrialRecord]
    results: SweepResults
    is_finished: bool = True


def report_sweep(
    output: Output, folder: SweepFolder, *, texts: bool, out: Path | None, metric: str | None = None
) -> Path:
    """Write the report of a sweep from its record, and return the page. `texts` shows those of confident errors.

    Its table opens with the scores by `metric`, by default that of the objective or of the task.
    """
    spec = folder.read_spec()
    study = read_study(folder, spec)
    dataset, texts_note = None, "" if texts else TEXTS_LEFT_OUT
    if texts and (folder.path / "predictions").exists():
        dataset, texts_note = _fetch_dataset(output, folder)
    results = results_of_study(spec, folder, study)
    sweep = ReportedSweep(folder, spec, study.all_trials(), results, is_finished=folder.is_finished)
    return write_report(output, sweep, dataset, texts_note=texts_note, ask_server=True, out=out, metric=metric)


def _fetch_dataset(output: Output, folder: SweepFolder) -> tuple[PreparedDataset | None, str]:
    """Return the sweep's rows, or None and the reason: a report without texts is better than none."""
    from sweeper.app.prepare_data import prepare_sweep

    if os.access(folder.path, os.W_OK):
        output.set_log_dir(folder.path / "logs")
    else:
        output.capture_libraries()
    try:
        return prepare_sweep(output, folder.read_spec(), folder).dataset, ""
    except UsageError as error:
        reason = str(error).splitlines()[0]
        output.line(f"the texts are not available, so the report has none: {reason}")
        return None, f"The texts were not available when this was written: {reason}"


def write_report(
    output: Output,
    sweep: ReportedSweep,
    dataset: PreparedDataset | None,
    *,
    texts_note: str = "",
    ask_server: bool = False,
    out: Path | None = None,
    metric: str | None = None,
) -> Path:
    """Write the report of a sweep, whole or not at all, and return the page.

    Without a data set it has no texts, and `texts_note` says why. The report of a sweep that is not finished says so.
    Its trials link to MLflow if that is a file beside the sweeps or, with `ask_server`, a server that answers. The
    table opens with the scores by `metric`, by default that of the objective or of the task.
    """
    from sweeper.atomic_write import atomic_write
    from sweeper.reporting.html.report_data import ReportData
    from sweeper.reporting.winner import find_winner, winner_lines

    folder, spec, results = sweep.folder, sweep.spec, sweep.results
    with output.step("writing the report"):
        names = [formatting.system_label(spec, system) for system in range(len(spec.systems))]
        predictions = _model_predictions(folder, results, dataset, texts_note)
        scored = FinishedSweep.from_predictions(results, predictions.test, predictions.validation)
        winner = winner_lines(find_winner(results, scored.lead_predictions), results, names)
        links = _run_links(folder, ask_server=ask_server)
        report = ReportData(spec, sweep.records, results, names, predictions, sweep.is_finished, winner, *links)
        html = _draw_page(folder, report, _table(folder, scored, metric))
        path = out or folder.path / FILE_NAME
        with atomic_write(path) as file:
            file.write(html.encode())
    return path


@contextmanager
def report_may_fail(output: Output, folder: SweepFolder) -> Iterator[None]:
    """Show a line if the report cannot be written in this block: that must not cost a sweep, it can be made again."""
    try:
        yield
    except Exception as error:
        _log.exception("the report could not be written")
        output.line(f"the report could not be written ({error}); sweeper report {folder.path} tries again")


def _draw_page(folder: SweepFolder, report: "ReportData", table: "Html") -> str:
    """Return the page with every section that the report has data for."""
    from sweeper.record.importance import importances
    from sweeper.reporting.html.importance_inputs import importance_inputs
    from sweeper.reporting.html.page import build_page
    from sweeper.reporting.html.sections import build_sections
    from sweeper.reporting.plots import draw
    from sweeper.search_space.yaml_file import dump_yaml

    importance = {system: importances(importance_inputs(report, system)) for system in range(len(report.systems))}
    sections = build_sections(report, table, importance, _versions(folder), dump_yaml(report.spec))
    title, summary = f"{folder.name}: sweep report", formatting.describe_spec(report.spec)
    return build_page(title, summary, sections, draw.page_scripts(), draw.figure_html)


def _run_links(folder: SweepFolder, *, ask_server: bool) -> tuple[dict[int, str], str]:
    """Return the pages of the trials in MLflow by trial, and when they can be opened; none if MLflow is not at hand."""
    from sweeper.app.run_links import find_run_links

    try:
        return find_run_links(folder, ask_server=ask_server)
    except Exception:  # a report without links is better than none
        _log.info("MLflow's runs could not be found, so the report does not link to them", exc_info=True)
        return {}, ""


def _table(folder: SweepFolder, sweep: FinishedSweep, metric: str | None) -> "Html":
    """Return the published table of this sweep by a metric, by default the objective's, with a choice of the others.

    Test accesses of the sweeps beside it are counted.
    """
    from sweeper.app.recorded_sweeps import count_accesses_beside
    from sweeper.reporting.table.results_table import build_table
    from sweeper.reporting.table_choice import choose_table, shown_metric

    elsewhere, remarks = count_accesses_beside(folder, sweep)
    return choose_table(
        lambda name: build_table([sweep], name, elsewhere=elsewhere, remarks=remarks),
        metric or shown_metric([sweep.results]),
    )


def _model_predictions(
    folder: SweepFolder, results: SweepResults, dataset: PreparedDataset | None, texts_note: str
) -> "ModelPredictions":
    """Return what the models of the confirmed settings predicted, as far as it is stored."""
    from sweeper.reporting.html.report_data import ModelPredictions
    from sweeper.storage import predictions

    trials, labels = results.confirmed_trials, tuple(results.labels)
    validation = predictions.load_predictions(folder.path, trials, "validation", labels)
    test = predictions.load_predictions(folder.path, trials, "test", labels)
    learned = {trial: predictions.load_class_weights(folder.path, trial) for trial in trials}
    weights = {trial: matrix for trial, matrix in learned.items() if matrix is not None}
    return ModelPredictions(validation, test, weights, _validation_texts(dataset), texts_note)


def _validation_texts(dataset: PreparedDataset | None) -> Sequence[str] | None:
    """Return the texts of validation, with the two of a pair joined."""
    if dataset is None:
        return None
    rows = dataset.splits["validation"]
    return rows.texts if rows.pairs is None else [f"{a} ⏐ {b}" for a, b in zip(rows.texts, rows.pairs, strict=True)]


def _versions(folder: SweepFolder) -> dict[str, str]:
    """Return the revisions that the sweep began with, and the versions and the machine with which it last ran."""
    revisions = {f"revision of {name}": revision for name, revision in folder.manifest.resolved.items()}
    return revisions | read_versions(folder)
