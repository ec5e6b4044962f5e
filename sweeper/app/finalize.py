"""Writes what a finished sweep leaves: the best model and its card, the table, the report, and results.json last.

The table is made from the results and the stored predictions, as `sweeper table` makes it.
"""

from collections.abc import Sequence

from sweeper.app.best_model import save_best_model
from sweeper.app.model_card import write_kept_card
from sweeper.app.prepare_data import PreparedSweep
from sweeper.app.published_table import write_table
from sweeper.app.report import ReportedSweep, report_may_fail, write_report
from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal.output import Output
from sweeper.trials.interfaces import CheckpointStorage
from sweeper.trials.trial import TrialRecord


def finalize(
    output: Output,
    prepared: PreparedSweep,
    folder: SweepFolder,
    records: Sequence[TrialRecord],
    results: SweepResults,
    storage: CheckpointStorage | None,
) -> None:
    """Write everything that a finished sweep leaves. Where results.json exists, everything else does too."""
    save_best_model(output, prepared, folder, records, storage)
    write_table(folder, results)
    write_kept_card(folder, results)
    with report_may_fail(output, folder):
        write_report(output, ReportedSweep(folder, prepared.spec, records, results), prepared.dataset)
    folder.write_results(results.to_json())
