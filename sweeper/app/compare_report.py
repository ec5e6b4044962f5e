"""Writes one page that compares finished sweeps: data sets as columns, the same systems as rows, and each winner."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sweeper.atomic_write import atomic_write
from sweeper.protocol.finished_sweep import FinishedSweep, FinishedSweeps
from sweeper.wording import count_noun, format_hours

FILE_NAME = "comparison.html"


def write_comparison(named: Sequence[str], sweeps: Path, out: Path | None, metric: str | None = None) -> Path:
    """Write the page of these sweeps, whole or not at all, and return it: `out`, or comparison.html in `sweeps`.

    It opens with the table by `metric`, by default that of their objective or of their task.

    Raises UsageError if one of them does not exist, if none is finished, if two of one data set were tested on
    different texts, or if no data set has the class that `metric` names; RecordError if a record is damaged.
    """
    from sweeper.app.recorded_sweeps import load_recorded_sweeps, require_known
    from sweeper.reporting.html.comparison import build_comparison
    from sweeper.reporting.table.results_table import ResultsTable, build_table
    from sweeper.reporting.table_choice import choose_table, shown_metric

    def build(metric: str) -> ResultsTable:
        return build_table(compared, metric, elsewhere=finished.test_accesses, remarks=finished.remarks)

    recorded = load_recorded_sweeps(sweeps, named)
    require_known(recorded, sweeps)
    finished = recorded.finished
    compared = [replace(sweep, predictions=dict(sweep.predictions)) for sweep in finished.sweeps]  # read once
    first_metric = metric or shown_metric([sweep.results for sweep in compared])
    table = choose_table(build, first_metric, detail=True)
    facts = dict(zip(_distinct_names(compared), map(_facts, compared), strict=True))
    remark = "" if metric else _remark(finished, first_metric)
    page = build_comparison(_summary(finished), table, facts, remark=remark)
    path = out or sweeps / FILE_NAME
    with atomic_write(path) as file:
        file.write(page.encode())
    return path


def _distinct_names(sweeps: Sequence[FinishedSweep]) -> list[str]:
    """Return the names of the sweeps, with the id of each whose name another one has too."""
    counts = Counter(sweep.results.sweep for sweep in sweeps)
    names = []
    for results in (sweep.results for sweep in sweeps):
        is_unique = counts[results.sweep] == 1
        names.append(results.sweep if is_unique else f"{results.sweep} ({results.id})")
    return names


def _summary(finished: FinishedSweeps) -> str:
    datasets = list(dict.fromkeys(sweep.results.dataset for sweep in finished.sweeps))
    sweeps = count_noun(len(finished.sweeps), "finished sweep")
    return f"{sweeps} of {count_noun(len(datasets), 'data set')}: {', '.join(datasets)}"


def _remark(finished: FinishedSweeps, metric: str) -> str:
    """Return the sentences about the metric of sweeps of several tasks; "" if they have one task."""
    from sweeper.reporting.table.metrics import table_metric
    from sweeper.training.tasks import TASKS, metric_fits

    tasks = list(dict.fromkeys(sweep.results.task for sweep in finished.sweeps))
    if len(tasks) == 1:
        return ""
    names = " and ".join(f"{task} ({TASKS[task].label})" for task in tasks)
    label, definition = table_metric(metric).label, table_metric(metric).definition
    fits_all = all(metric_fits(definition, task) for task in tasks)
    coverage = "which all of them have" if fits_all else "which some of them lack"
    return f"These sweeps have different tasks: {names}. The table opens with {label}, {coverage}; the menu has others."


def _facts(sweep: FinishedSweep) -> list[tuple[str, str]]:
    """Return the winner of a sweep with its lead, and the cost of the sweep, as lines with labels."""
    from sweeper.reporting.html.report_data import training_hours
    from sweeper.reporting.table.systems import name_systems
    from sweeper.reporting.winner import find_winner, winner_lines

    results = sweep.results
    lines = winner_lines(find_winner(results, sweep.lead_predictions), results, name_systems(results))
    hours = training_hours(results)
    trials = count_noun(results.num_trials, "trial")
    cost = f"{trials} in the search, {format_hours(hours)} hours of training and validation with confirmation"
    return [*lines, ("cost", cost)]
