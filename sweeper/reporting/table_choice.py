"""The published table by each metric that the sweeps have. The reader chooses one; a page without scripts shows one."""

from collections.abc import Callable, Sequence

from sweeper.errors import RecordError
from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table.metrics import METRICS, metric_of_tasks, metric_problem, table_metric
from sweeper.reporting.table.render import render as render_table
from sweeper.reporting.table.results_table import ResultsTable
from sweeper.reporting.templates.environment import Html, render

Build = Callable[[str], ResultsTable]  # the table by a metric


def shown_metric(sweeps: Sequence[SweepResults]) -> str:
    """Return the metric by which a table of these sweeps is shown first.

    It is the metric of their objective if they share one that a table can show, else that of their task's table. Of
    several tasks, it is the first of these metrics that fits all of them.
    """
    objectives = {results.objective.removeprefix("validation/") for results in sweeps}
    if len(objectives) == 1 and not metric_problem(objective := objectives.pop()):
        return objective
    return metric_of_tasks([results.task for results in sweeps])


def choose_table(build: Build, first_metric: str, *, detail: bool = False) -> Html:
    """Return the table by `first_metric`, with a menu for those by the other METRICS of which any cell has a score.

    With `detail`, each table has the details of its cells. Raises what `build` raises for the metric that is shown. A
    metric that the record lacks is left out of the menu.
    """
    tables = {first_metric: build(first_metric)}
    if _has_scores(tables[first_metric]):
        for name in METRICS:
            if name != first_metric and (table := _build_scored(build, name)):
                tables[name] = table
    choices = [
        (table_metric(name).definition.label, Html(render_table(table, "html", detail=detail)))
        for name, table in tables.items()
    ]
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
