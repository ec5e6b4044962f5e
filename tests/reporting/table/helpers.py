"""Find cells and notes of a table, and alter the results of a fake sweep."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.results_table import ResultsTable

CE, LCL = [0.50, 0.51, 0.505, 0.5, 0.515], [0.6, 0.61, 0.605, 0.6, 0.61]


def cell(table: ResultsTable, names: str, dataset: str = "sst5") -> TableCell:
    """Return our cell with these row names."""
    (row,) = [row for row in table.rows if " ".join(row.names) == names and not row.paper]
    found = row.cells[list(table.datasets).index(dataset)]
    assert isinstance(found, TableCell)
    return found


def bold_losses(table: ResultsTable) -> list[str]:
    """Return the losses of the bold cells."""
    return [str(dict(cell.system)["loss"]) for _, cell in table.system_cells() if cell.is_bold]


def note(table: ResultsTable, text: str) -> str:
    """Return the only note that contains a text, with its letter."""
    (found,) = [note for note in table.notes if text in note.text]
    return f"{found.letter} {found.text}".strip()


def with_results(finished: FinishedSweep, results: Mapping[str, Any]) -> FinishedSweep:
    """Return a finished sweep with other results, given as plain values."""
    return replace(finished, results=SweepResults.parse(results))
