"""The details of each cell of the published table: its setting, its cost, and the run behind each number."""

from collections.abc import Mapping, Sequence

from sweeper.protocol.system_results import ConfirmationResult, SeedResult
from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.content import Lines
from sweeper.reporting.table.metrics import table_metric
from sweeper.reporting.table.systems import SystemKey
from sweeper.wording import count_noun, format_hours, format_value


def describe_cells(cells: Sequence[TableCell], row_names: Mapping[SystemKey, Sequence[str]]) -> list[tuple[str, Lines]]:
    """Return a heading and lines of details for each cell."""
    return [
        (f"{' '.join(row_names[cell.system])} on {cell.dataset} ({cell.results.sweep})", _lines(cell)) for cell in cells
    ]


def _lines(cell: TableCell) -> Lines:
    lines = [("search", _search(cell))]
    confirmation = cell.result.confirmation
    if confirmation is not None:
        lines = [
            ("setting", _setting(confirmation)),
            *lines,
            ("confirmation", _confirmation(cell, confirmation)),
            ("validation", _validation(cell, confirmation)),
        ]
    if cell.mean is not None:
        lines += [("test", _test(cell)), *((f"seed {seed.seed}", _seed(cell, seed)) for seed in cell.seeds)]
    return lines


def _setting(confirmation: ConfirmationResult) -> str:
    params = ", ".join(f"{name} {format_value(value)}" for name, value in confirmation.params.items())
    return f"{params or 'nothing was searched'} (trial {confirmation.source_trial})"


def _search(cell: TableCell) -> str:
    result = cell.result
    outcomes = [f"{count} {outcome.label}" for outcome, count in result.outcomes.items()]
    repeated = [f"{result.repeated} with a repeated setting"] if result.repeated else []
    raced = [f"{result.raced} in the race of its best settings"] if result.raced else []
    cloned = [f"{result.cloned} chosen by a user"] if result.cloned else []
    counts = f"{count_noun(result.num_trials, 'trial')} ({', '.join([*outcomes, *repeated, *raced, *cloned])})"
    return f"{counts}, {count_noun(result.epochs, 'epoch', form='g')}, {format_cost(cell, result.hours)}"


def _confirmation(cell: TableCell, confirmation: ConfirmationResult) -> str:
    candidates = len(confirmation.candidates)
    chosen = f" of the best of {candidates} confirmed settings" if candidates > 1 else ""
    seeds = f"{len(confirmation.seeds)} of {confirmation.planned_seeds} seeds{chosen}"
    return f"{seeds}, {count_noun(confirmation.epochs, 'epoch', form='g')}, {format_cost(cell, confirmation.hours)}"


def _validation(cell: TableCell, confirmation: ConfirmationResult) -> str:
    """Return the score of the search, that of the fresh seeds, and the optimism between them."""
    metric = cell.results.objective.removeprefix("validation/")
    best = cell.result.best
    shrunk = None if best is None or confirmation.source_trial != best.trial else best.shrunk_mean
    ranked = "" if shrunk is None else f" (ranked by its shrunk mean {shrunk:.4f})"
    parts = [f"{metric} {confirmation.search_mean:.4f} in the search{ranked}"]
    if confirmation.mean is not None:
        parts.append(f"{confirmation.mean:.4f} with fresh seeds")
    if confirmation.optimism is not None:
        parts.append(f"optimism {confirmation.optimism:+.4f}")
    return ", ".join(parts)


def _test(cell: TableCell) -> str:
    interval = cell.interval
    show = table_metric(cell.metric).format
    limits = f", 95 % interval {show(interval.low)} to {show(interval.high)}" if interval else ""
    accesses = count_noun(cell.num_test_accesses, "test access", "test accesses")
    return f"{show(cell.mean)}{limits}, {accesses}"


def _seed(cell: TableCell, seed: SeedResult) -> str:
    """Return the score of a seed, or that it has none, with its trial and MLflow run."""
    without = "not scored" if seed.test is None else "no score by this metric"
    score = table_metric(cell.metric).format(cell.scores[seed.trial]) if seed.trial in cell.scores else without
    outcome = "" if seed.outcome.is_healthy else f", {seed.outcome.label}"
    run = f", run {cell.source.runs[seed.trial]}" if seed.trial in cell.source.runs else ""
    return f"{score}{outcome}, trial {seed.trial}{run}"


def format_cost(cell: TableCell, hours: float) -> str:
    """Return hours of training as GPU hours or CPU hours: 0.62 GPU hours."""
    amount, kind = compute_hours(cell, hours)
    return f"{format_hours(amount)} {kind} hours"


def compute_hours(cell: TableCell, hours: float) -> tuple[float, str]:
    """Return hours of training times the GPUs of a trial; on a machine without GPUs, times its CPU threads."""
    results = cell.results
    return (hours * results.gpu, "GPU") if results.gpu else (hours * results.threads, "CPU")
