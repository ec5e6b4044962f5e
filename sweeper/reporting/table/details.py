"""What is behind each cell of the published table: its setting, what it cost, and the run behind each number."""

from collections.abc import Mapping, Sequence

from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.systems import SystemKey
from sweeper.wording import format_value

Lines = tuple[tuple[str, str], ...]  # what a line is of, and what it says


def details(cells: Sequence[TableCell], names: Mapping[SystemKey, Sequence[str]]) -> list[tuple[str, Lines]]:
    """For each cell its heading, and lines of what is known of it."""
    return [(f"{' '.join(names[cell.system])} on {cell.dataset} ({cell.sweep.sweep})", _lines(cell)) for cell in cells]


def _lines(cell: TableCell) -> Lines:
    lines = [("search", _search(cell))]
    if cell.found.confirmation is not None:
        lines = [("setting", _setting(cell)), *lines, ("confirmed", _confirmed(cell)), ("validation", _optimism(cell))]
    if cell.mean is not None:
        lines += [("test", _test(cell)), *((f"seed {seed.seed}", _run(cell, seed.trial)) for seed in cell.seeds)]
    return tuple(lines)


def _setting(cell: TableCell) -> str:
    confirmed = cell.found.confirmation
    if confirmed is None:
        return ""
    listed = ", ".join(f"{name} {format_value(value)}" for name, value in confirmed.params.items())
    return f"{listed} (of trial {confirmed.source_trial})" if listed else f"that of trial {confirmed.source_trial}"


def _search(cell: TableCell) -> str:
    found = cell.found
    ended = [f"{count} {outcome.label}" for outcome, count in found.outcomes.items()]
    again = [f"{found.repeated} with a setting tried before"] if found.repeated else []
    return (
        f"{found.num_trials} trials ({', '.join([*ended, *again])}), {found.epochs:g} epochs, {cost(cell, found.hours)}"
    )


def _confirmed(cell: TableCell) -> str:
    confirmed = cell.found.confirmation
    if confirmed is None:
        return ""
    of = f", the best of {len(confirmed.candidates)} that were" if len(confirmed.candidates) > 1 else ""
    trained = f"{len(confirmed.seeds)} of {confirmed.planned_seeds} seeds{of}"
    return f"{trained}, {confirmed.epochs:g} epochs, {cost(cell, confirmed.hours)}"


def _optimism(cell: TableCell) -> str:
    """What the search promised on validation, and what came of it."""
    confirmed = cell.found.confirmation
    if confirmed is None:
        return ""
    parts = [f"{cell.sweep.objective.removeprefix('validation/')} {confirmed.search_mean:.4f} in the search"]
    if confirmed.mean is not None:
        parts.append(f"{confirmed.mean:.4f} with fresh seeds")
    if confirmed.optimism is not None:
        parts.append(f"selection optimism {confirmed.optimism:+.4f}")
    return ", ".join(parts)


def _test(cell: TableCell) -> str:
    interval = cell.interval
    reach = f", 95 % interval {percent(interval.low)} to {percent(interval.high)}" if interval else ""
    test_accesses = "1 look" if cell.test_accesses == 1 else f"{cell.test_accesses} looks"
    return f"{percent(cell.mean)}{reach}, {test_accesses}"


def _run(cell: TableCell, trial: int) -> str:
    """What a seed scored, and the trial and run that it is of."""
    seed = next(seed for seed in cell.seeds if seed.trial == trial)
    score = percent(cell.scores[trial]) if trial in cell.scores else "not scored"
    ended = "" if seed.outcome.is_healthy else f", {seed.outcome.label}"
    run = f", run {cell.source.runs[trial]}" if trial in cell.source.runs else ""
    return f"{score}{ended}, trial {trial}{run}"


def cost(cell: TableCell, hours: float) -> str:
    """Hours of training as hours of what it needed: GPUs where it had one, else CPU threads."""
    amount, kind = compute_hours(cell, hours)
    return f"{amount:.2f} {kind} hours"


def compute_hours(cell: TableCell, hours: float) -> tuple[float, str]:
    """Hours of training times what it had, and of what: GPU or CPU."""
    return (hours * cell.sweep.gpu, "GPU") if cell.sweep.gpu else (hours * cell.sweep.threads, "CPU")


def percent(share: float | None) -> str:
    """A share as tables have it: one digit after the point."""
    return "–" if share is None else f"{100 * share:.1f}"
