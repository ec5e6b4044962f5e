"""The notes below the published table about trials that a user chose, beyond the equal shares of the systems."""

from collections.abc import Sequence

from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.footnotes import Footnote, RowNames


def clone_notes(cells: Sequence[TableCell], row_names: RowNames) -> list[Footnote]:
    """Return a note for each cell whose search had trials of a user, with their number."""
    return [Footnote(_describe(cell, row_names)) for cell in cells if cell.result.cloned]


def _describe(cell: TableCell, row_names: RowNames) -> str:
    cloned, total = cell.result.cloned, cell.result.num_trials
    verb = "was" if cloned == 1 else "were"
    system = " ".join(row_names[cell.system])
    trials = f"{cloned} of {total} search trials {verb} chosen by a user"
    return f"{system} on {cell.dataset}: {trials}, beyond the equal shares of the systems."
