"""The published table by each metric that a sweep has. The reader chooses one; a page without scripts shows one."""

from collections.abc import Callable

from sweeper.reporting.table.metrics import METRICS, table_metric
from sweeper.reporting.table.render import render as render_table
from sweeper.reporting.table.results_table import ResultsTable
from sweeper.reporting.templates.environment import Html, render


def choose_table(build: Callable[[str], ResultsTable], shown: str) -> Html:
    """Return the table by the metric `shown`, with a menu for those by the other METRICS of which any cell has a score.

    `build` returns the table by a metric.
    """
    first = build(shown)
    others = {name: build(name) for name in METRICS if name != shown} if _has_scores(first) else {}
    tables = {shown: first, **{name: table for name, table in others.items() if _has_scores(table)}}
    choices = [(table_metric(name).entry.label, Html(render_table(table, "html"))) for name, table in tables.items()]
    return render("table_choice.html", choices=choices)


def _has_scores(table: ResultsTable) -> bool:
    return any(cell.scores for _, cell in table.system_cells())
