"""Writes one page that compares finished sweeps: data sets as columns, the same systems as rows, and each winner."""

from collections.abc import Sequence
from pathlib import Path

from sweeper.atomic_write import atomic_write
from sweeper.protocol.finished_sweep import FinishedSweep, FinishedSweeps
from sweeper.wording import count_noun

FILE_NAME = "comparison.html"


def write_comparison(named: Sequence[str], sweeps: Path, out: Path | None) -> Path:
    """Write the page of these sweeps, whole or not at all, and return it: `out`, or comparison.html in `sweeps`.

    Raises UsageError if one of them does not exist, if none is finished, or if two of one data set were tested on
    different texts; RecordError if a record is damaged.
    """
    from sweeper.app.recorded_sweeps import load_recorded_sweeps, require_known
    from sweeper.reporting.html.comparison import build_comparison
    from sweeper.reporting.table.render import render
    from sweeper.reporting.table.results_table import build_table
    from sweeper.reporting.templates.environment import Html

    recorded = load_recorded_sweeps(sweeps, named)
    require_known(recorded, sweeps)
    finished = recorded.finished
    table = build_table(finished.sweeps, elsewhere=finished.test_accesses, remarks=finished.remarks)
    facts = {sweep.results.sweep: _facts(sweep) for sweep in finished.sweeps}
    page = build_comparison(_summary(finished), Html(render(table, "html", detail=True)), facts)
    path = out or sweeps / FILE_NAME
    with atomic_write(path) as file:
        file.write(page.encode())
    return path


def _summary(finished: FinishedSweeps) -> str:
    datasets = list(dict.fromkeys(sweep.results.dataset for sweep in finished.sweeps))
    sweeps = count_noun(len(finished.sweeps), "finished sweep")
    return f"{sweeps} of {count_noun(len(datasets), 'data set')}: {', '.join(datasets)}"


def _facts(sweep: FinishedSweep) -> list[tuple[str, str]]:
    """Return the winner of a sweep with its lead, and the cost of the sweep, as lines with labels."""
    from sweeper.reporting.html.report_data import training_hours
    from sweeper.reporting.table.systems import name_systems
    from sweeper.reporting.winner import find_winner, winner_lines

    results = sweep.results
    lines = winner_lines(find_winner(results, sweep.lead_predictions), results, name_systems(results))
    hours = training_hours(results)
    trials = count_noun(results.num_trials, "trial")
    return [*lines, ("cost", f"{trials} in the search, {hours:.2f} hours of training and validation with confirmation")]
