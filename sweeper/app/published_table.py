"""The published table of one sweep, from its results and the stored predictions of its confirmed models."""

from typing import TYPE_CHECKING

from sweeper.atomic_write import atomic_write
from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.training.tasks import TASKS

if TYPE_CHECKING:
    from sweeper.reporting.table.results_table import ResultsTable


def sweep_table(folder: SweepFolder, results: SweepResults, metric: str | None = None) -> "ResultsTable":
    """Return the published table by a metric of the test split, by default that of the task.

    Predictions whose file is gone are noted as missing. Test accesses of the sweeps beside it are counted.
    """
    from sweeper.app.folder_predictions import finished_sweep
    from sweeper.app.recorded_sweeps import count_accesses_beside
    from sweeper.reporting.table.results_table import build_table

    sweep = finished_sweep(folder, results)
    elsewhere, remarks = count_accesses_beside(folder, sweep)
    name = metric or TASKS[results.task].table_metric
    return build_table([sweep], name, elsewhere=elsewhere, remarks=remarks)


def table_text(folder: SweepFolder, results: SweepResults, *, brief: bool = False) -> str:
    """Return the published table in Markdown; with `brief`, with the short notes of the screen."""
    from sweeper.reporting.table.render import render

    return render(sweep_table(folder, results), "md", brief=brief)


def write_table(folder: SweepFolder, results: SweepResults) -> None:
    """Write table.md, unless it is there and says the same."""
    path, text = folder.path / "table.md", table_text(folder, results).encode()
    if not path.exists() or path.read_bytes() != text:
        with atomic_write(path) as file:
            file.write(text)
