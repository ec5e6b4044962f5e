"""Brings the files of a finished sweep up to date: sweep.yaml, results.json, the table, the card and the report."""

from sweeper.app.model_card import write_kept_card
from sweeper.app.published_table import write_table
from sweeper.app.report import FILE_NAME, TEXTS_LEFT_OUT, ReportedSweep, report_may_fail, write_report
from sweeper.data.preprocessing import PreparedDataset
from sweeper.protocol.results import results_of_study
from sweeper.protocol.sweep_results import SweepResults
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal.output import Output
from sweeper.trials.interfaces import Study

_NO_DATASET = "This page was written again without the data set; sweeper report shows the texts."


def refresh_results(
    output: Output, folder: SweepFolder, spec: SweepSpec, study: Study, dataset: PreparedDataset | None = None
) -> SweepResults:
    """Return the results of a finished sweep, built from its record again, and replace every file that differs.

    sweep.yaml is written again if it is missing, damaged or not that of `spec`. If anything changes, MLflow is marked
    as out of sync first. results.json is replaced last: so a command that dies before finds the difference again. The
    report gets its texts from `dataset`, unless it was written without texts.
    """
    results = results_of_study(spec, folder, study)
    is_changed, has_spec = results.to_json() != folder.read_results(), folder.has_spec(spec)
    if is_changed or not has_spec:
        folder.mark_unsynced()
    if not has_spec:
        folder.write_spec(spec)
    write_table(folder, results)
    if is_changed:
        write_kept_card(folder, results)
        with report_may_fail(output, folder):
            _write_report_again(output, ReportedSweep(folder, spec, study.all_trials(), results), dataset)
        folder.write_results(results.to_json())
    return results


def _write_report_again(output: Output, sweep: ReportedSweep, dataset: PreparedDataset | None) -> None:
    """Replace the report, if there is one. A report without texts stays without them."""
    path = sweep.folder.path / FILE_NAME
    if not path.exists():
        return
    has_texts = TEXTS_LEFT_OUT not in path.read_text(encoding="utf-8", errors="replace")
    note = _NO_DATASET if has_texts else TEXTS_LEFT_OUT
    write_report(output, sweep, dataset if has_texts else None, texts_note=note)
