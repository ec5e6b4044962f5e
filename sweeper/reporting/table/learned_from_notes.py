"""The notes below the published table about sweeps that learned from the trials of earlier ones."""

from collections.abc import Sequence

from sweeper.protocol.learned_from import describe_learned_from
from sweeper.reporting.table.cells import TableCell, sweeps_of
from sweeper.reporting.table.footnotes import Footnote


def learned_from_notes(cells: Sequence[TableCell]) -> list[Footnote]:
    """Return a note for each earlier sweep that a sweep of these cells learned from: what it borrowed."""
    return [
        Footnote(f"{dataset}: the search also learned from {describe_learned_from(source)}.")
        for dataset, results in sweeps_of(cells)
        for source in results.learned_from
    ]
