"""The shades of a table's cells by significance: the rule for bold, and what is not told apart from the best."""

from collections.abc import Iterable

from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.comparisons import ALPHA
from sweeper.reporting.table.content import Shade
from sweeper.reporting.table.results_table import ResultsTable
from sweeper.reporting.table.systems import SystemKey

_MEANINGS = {
    Shade.BEST: "the best of its column, as in bold",
    Shade.OPEN: "in a column without bold, the best and each system that is not significantly behind it "
    f"(uncorrected p {ALPHA:g} or more)",
}
Place = tuple[str, SystemKey]  # the data set and the system of a cell


def find_shades(table: ResultsTable) -> dict[Place, Shade]:
    """Return the shades of a table's cells. Systems that were not compared, or are significantly behind, have none."""
    shades: dict[Place, Shade] = {}
    for best in (cell for _, cell in table.system_cells() if cell.best_p is not None):
        shades[best.dataset, best.system] = Shade.BEST if best.is_bold else Shade.OPEN
        if not best.is_bold:
            shades |= {(best.dataset, system): Shade.OPEN for system in _not_behind(table, best)}
    return shades


def _not_behind(table: ResultsTable, best: TableCell) -> list[SystemKey]:
    """Return the systems whose difference from the best of their column is not significant."""
    pairs = [pair for pair in table.comparisons if pair.dataset == best.dataset]
    return [
        pair.second if pair.first == best.system else pair.first
        for pair in pairs
        if best.system in (pair.first, pair.second) and pair.lead is not None and pair.lead.p >= ALPHA
    ]


def explain_shades(used: Iterable[Shade]) -> list[str]:
    """Return a sentence for each shade that is used."""
    shades = set(used)
    return [f"{shade.value.capitalize()}: {meaning}." for shade, meaning in _MEANINGS.items() if shade in shades]
