"""What a finished sweep leaves in its folder: the winner's model, the table, the report, and results.json, last.

The table is made of the results and of what the confirmed models answered, as `sweeper table` makes it from MLflow.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sweeper.cli.screen import Terminal
from sweeper.folder import SweepFolder
from sweeper.values import TrialRecord
from sweeper.whole import atomic_write

if TYPE_CHECKING:
    from sweeper.cli.prepare import PreparedSweep
    from sweeper.ports import CheckpointStorage, Study
    from sweeper.spec import SweepSpec
    from sweeper.tables.table import FinishedSweep
    from sweeper.values import Predictions

_log = logging.getLogger(__name__)


def finalize(
    screen: Terminal, prepared: "PreparedSweep", folder: SweepFolder, recorded: Sequence[TrialRecord],
    results: Mapping[str, Any], storage: "CheckpointStorage | None",
) -> None:  # fmt: skip
    """Write all of it; results.json is there when everything else is."""
    from sweeper.cli.report import write_report
    from sweeper.cli.winner import save_best_model

    save_best_model(screen, prepared, folder, recorded, storage)
    with atomic_write(folder.path / "table.md") as file:
        file.write(table_text(folder, results).encode())
    try:
        write_report(screen, folder, prepared.spec, recorded, results, prepared.dataset)
    except Exception as error:  # no reason to lose a sweep: everything in it can be drawn again
        _log.exception("the report could not be written")
        screen.line(f"the report could not be written ({error}); sweeper report {folder.path} tries again")
    folder.write_results(results)


def table_text(folder: SweepFolder, results: Mapping[str, Any]) -> str:
    """The published table of one sweep, in Markdown; answers whose file is gone are missing, and it says so."""
    from sweeper.edges import predictions
    from sweeper.tables.formats import render
    from sweeper.tables.table import build_table

    answers = predictions.load_predictions(folder.path, confirmed_trials(results), "test", tuple(results["labels"]))
    return render(build_table([as_finished_sweep(results, answers)]), "md")


def as_finished_sweep(results: Mapping[str, Any], answers: "Mapping[int, Predictions]") -> "FinishedSweep":
    """A sweep as its table sees it, given what its confirmed models answered on the test split."""
    from sweeper.tables.table import FinishedSweep, TestPredictions

    return FinishedSweep(results, {trial: TestPredictions(one.labels, one.classes) for trial, one in answers.items()})


def confirmed_trials(results: Mapping[str, Any]) -> list[int]:
    """The trials that confirm the winning settings."""
    found = (cell["confirm"] for cell in results["cells"] if cell["confirm"])
    return [seed["trial"] for one in found for seed in one["seeds"]]


def rebuild_results(spec: "SweepSpec", folder: SweepFolder, study: "Study") -> dict[str, Any]:
    """The results of a finished sweep from its record, which they are a function of, and so in its folder."""
    from sweeper.results import build_results

    found = build_results(spec, folder, study.all_trials(), study.test_accesses())
    if found != folder.results():
        folder.write_results(found)
    return found
