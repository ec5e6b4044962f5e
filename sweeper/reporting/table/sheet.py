"""Turn a table into the sheet that people read: percentages with one decimal, and texts."""

from collections.abc import Mapping

from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.content import Shade, Sheet, SheetCell
from sweeper.reporting.table.details import describe_cells
from sweeper.reporting.table.metrics import table_metric
from sweeper.reporting.table.published_results import PublishedScore
from sweeper.reporting.table.results_table import ResultsTable, TableRow
from sweeper.reporting.table.shades import Place, explain_shades, find_shades


def to_sheet(table: ResultsTable, *, detail: bool = False, brief: bool = False, colour: bool = False) -> Sheet:
    """Return the sheet of a table.

    With `detail`, it has the details of each cell; with `brief`, the screen's notes; with `colour`, shades of cells by
    significance, and notes that explain them.
    """
    shades = find_shades(table) if colour else {}
    has_papers = any(row.paper for row in table.rows)
    heads = (*(["from"] if has_papers else []), *table.hyperparameters, *table.datasets)
    rows = tuple(
        (
            (*([row.paper or "ours"] if has_papers else []), *row.names),
            tuple(_sheet_cell(table, row, cell, shades) for cell in row.cells),
        )
        for row in table.rows
    )
    row_names = {cell.system: row.names for row, cell in table.system_cells()}
    details = describe_cells([cell for _, cell in table.system_cells()], row_names) if detail else []
    texts = ((note.letter, note.screen_text if brief else note.text) for note in table.notes)
    notes = (
        *((letter, text) for letter, text in texts if text),
        *(("", sentence) for sentence in explain_shades(shades.values())),
    )
    has_test = any(usage.test for usage in table.datasets.values())
    caption = f"Test {table_metric(table.metric).heading}." if has_test else "No test split, so no test scores."
    return Sheet(caption, heads, rows, notes, details)


def _sheet_cell(
    table: ResultsTable, row: TableRow, cell: TableCell | PublishedScore | None, shades: Mapping[Place, Shade]
) -> SheetCell:
    if cell is None:
        return SheetCell("n/a" if row.paper else "–")
    if isinstance(cell, PublishedScore):
        sd = "" if cell.sd is None else f"{cell.sd:g}"
        return SheetCell(f"{cell.mean:g}", sd, "" if cell.seeds is None else str(cell.seeds))
    sd = "" if cell.sd is None else table_metric(table.metric).format(cell.sd)
    letters = "".join(letter for caveat, letter in table.letters.items() if caveat in cell.caveats)
    counts = f"{len(cell.scores)}; {cell.result.num_trials}" if cell.results.test_split else ""
    shade = shades.get((cell.dataset, cell.system))
    return SheetCell(table_metric(table.metric).format(cell.mean), sd, counts, cell.is_bold, letters, shade)
