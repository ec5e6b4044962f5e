"""The note below the published table that says what bold means, or why nothing is bold."""

from collections.abc import Sequence

from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.comparisons import ALPHA, MIN_SEEDS, Comparison, untested_rivals
from sweeper.reporting.table.footnotes import Footnote, RowNames, describe_cell
from sweeper.reporting.table.metrics import DEFAULT_METRIC, METRICS, TableMetric


def bold_note(
    cells: Sequence[TableCell], comparisons: Sequence[Comparison], metric: TableMetric, row_names: RowNames
) -> Footnote:
    """Return the note that says what bold means, or why nothing is bold.

    It names the systems of a bold column that were not tested, and then claims a lead over the tested ones only.
    """
    if not metric.is_compared:
        return Footnote(
            f"Nothing is bold: systems cannot be compared by {metric.label}, because it cannot be divided among texts."
        )
    if not any(comparison.lead for comparison in comparisons):
        return Footnote("Nothing is bold: no two systems of a column can be compared.")
    untested = [describe_cell(cell, row_names) for cell in untested_rivals(cells, comparisons)]
    rivals = (
        f"the second best and each other system that has at least {MIN_SEEDS} scored seeds and their predictions"
        if untested
        else "each other system"
    )
    left_out = f" Left out of the test: {'; '.join(untested)}." if untested else ""
    influence = "" if metric is METRICS[DEFAULT_METRIC] else f", each text by its influence on {metric.label}"
    claims = len({cell.dataset for cell in cells if cell.best_p is not None})
    correction = f"Holm's correction for the {claims} columns whose best was tested; " if claims > 1 else ""
    return Footnote(
        f"Bold: the best of its column, if its lead over {rivals} is significant (p below {ALPHA:g}): "
        f"t-tests over both sources of chance, seeds and paired test texts{influence}; {correction}at least "
        f"{MIN_SEEDS} seeds each. Leads of the selected best need no correction for the number of systems "
        f"(Gutmann & Maymin 1987).{left_out}",
        brief=f"Bold: significantly better than {rivals} (p below {ALPHA:g}).{left_out}"
        if any(cell.is_bold for cell in cells)
        else "Nothing is bold: no best system has a significant lead over each other system, with at least "
        f"{MIN_SEEDS} seeds each.",
    )
