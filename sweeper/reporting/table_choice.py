"""The published table by each metric that a sweep has. The reader chooses one; a page without scripts shows one."""

from collections.abc import Callable

from sweeper.errors import RecordError
from sweeper.reporting.table.metrics import METRICS, table_metric
from sweeper.reporting.table.render import render as render_table
from sweeper.reporting.table.results_table import ResultsTable
from sweeper.reporting.templates.environment import Html, render

Build = Callable[[str], ResultsTable]  # the table by a metric


def choose_table(build: Build, shown: str) -> Html:
    """Return the table by the metric `shown`, with a menu for those by the other METRICS of which any cell has a score.

    Raises what `build` raises for the metric that is shown. A metric that the record lacks is left out of the menu.
    """
    first = build(shown)
    others = [name for name in METRICS if name != shown] if _has_scores(first) else []
    tables = {shown: first, **{name: table for name in others if (table := _build_scored(build, name))}}
    choices = [(table_metric(name).entry.label, Html(render_table(table, "html"))) for name, table in tables.items()]
    return render("table_choice.html", choices=choices)


def _build_scored(build: Build, name: str) -> ResultsTable | None:
    """Return the table by a metric; None if no cell has a score, or a recorded one is missing."""
    try:
        table = build(name)
    except RecordError:
        return None
    return table if _has_scores(table) else None


def _has_scores(table: ResultsTable) -> bool:
    return any(cell.scores for _, cell in table.system_cells())
