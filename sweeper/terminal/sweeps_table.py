"""Lists sweeps as a table."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from sweeper.protocol.sweep_summary import SweepState, SweepSummary
from sweeper.terminal.formatting import format_score
from sweeper.wording import count_noun

_NARROW, _WIDE = 80, 100  # columns below which the objective is left out, and above which seeds are called fresh
_STYLES = {SweepState.RUNNING: "green", SweepState.FAILED: "yellow", SweepState.DAMAGED: "red"}


def sweeps_table(sweeps: Sequence[SweepSummary], now: float, width: int) -> Table:
    """Return a table of sweeps for a terminal of `width` columns; `now` is Unix time."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("sweep", overflow="fold")
    table.add_column("state", no_wrap=True)
    for column in ("trainings", "best"):
        table.add_column(column, justify="right", no_wrap=True)
    if width >= _NARROW:
        table.add_column("by", overflow="fold")
    for column in ("age", "size"):
        table.add_column(column, justify="right", no_wrap=True)
    for sweep in sweeps:
        state = Text(sweep.state, style=_STYLES.get(sweep.state, ""))
        score = format_score(sweep.best.score if sweep.best else None)
        basis = [_basis(sweep, "fresh seed" if width >= _WIDE else "seed")] if width >= _NARROW else []
        age = format_age(now - sweep.began_at / 1000)
        table.add_row(sweep.sweep, state, _trainings(sweep), score, *basis, age, format_bytes(sweep.bytes))
    return table


def format_age(seconds: float) -> str:
    """Return a time in its largest unit: 41s, 3m, 5h, 12d."""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


def format_bytes(size: int) -> str:
    """Return a size in decimal units: 812 B, 14 kB, 1.2 GB."""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{value:.1f} {unit}" if unit != "B" and value < 9.95 else f"{value:.0f} {unit}"


def _trainings(sweep: SweepSummary) -> str:
    """Return the trainings that have ended, of those that are planned while there are more."""
    if sweep.state == SweepState.DAMAGED:
        return "-"
    ended, planned = sweep.trainings_ended, sweep.trainings_planned
    return str(ended) if ended == planned else f"{ended}/{planned}"


def _basis(sweep: SweepSummary, seed: str) -> str:
    """Return what the best score is: the metric, and the fresh seeds that it is the mean of, each called `seed`."""
    if sweep.best is None:
        return "-"
    metric = sweep.objective.removeprefix("validation/")
    return f"{metric}, {count_noun(sweep.best.seeds, seed)}" if sweep.best.seeds else metric
