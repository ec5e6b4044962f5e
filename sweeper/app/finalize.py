"""What a finished sweep leaves in its folder: the winner's model, the table, the report, and results.json, last.

The table is made of the results and of what the confirmed models answered, as `sweeper table` makes it from MLflow.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sweeper.app.published_table import table_text
from sweeper.atomic_write import atomic_write
from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal.output import Output
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:
    from sweeper.app.prepare_data import PreparedSweep
    from sweeper.search_space.sweep_spec import SweepSpec
    from sweeper.trials.interfaces import CheckpointStorage, Study

_log = logging.getLogger(__name__)


def finalize(
    output: Output, prepared: "PreparedSweep", folder: SweepFolder, recorded: Sequence[TrialRecord],
    results: SweepResults, storage: "CheckpointStorage | None",
) -> None:  # fmt: skip
    """Write all of it; results.json is there when everything else is."""
    from sweeper.app.best_model import save_best_model
    from sweeper.app.report import write_report

    save_best_model(output, prepared, folder, recorded, storage)
    with atomic_write(folder.path / "table.md") as file:
        file.write(table_text(folder, results).encode())
    try:
        write_report(output, folder, prepared.spec, recorded, results, prepared.dataset)
    except Exception as error:  # no reason to lose a sweep: everything in it can be drawn again
        _log.exception("the report could not be written")
        output.line(f"the report could not be written ({error}); sweeper report {folder.path} tries again")
    folder.write_results(results.to_json())


def rebuild_results(spec: "SweepSpec", folder: SweepFolder, study: "Study") -> SweepResults:
    """The results of a finished sweep from its record, which they are a function of, and so in its folder."""
    from sweeper.protocol.results import build_results

    results = build_results(spec, folder, study.all_trials(), study.test_accesses())
    if results.to_json() != folder.read_results():
        folder.write_results(results.to_json())
    return results
