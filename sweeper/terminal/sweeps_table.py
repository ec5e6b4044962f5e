"""Lists sweeps as a table."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from sweeper.protocol.sweep_summary import SweepState, SweepSummary
from sweeper.terminal.formatting import format_score
from sweeper.wording import count_noun

_NARROW, _WIDE = 80, 100  # columns below which the objective is left out, and above which seeds are called fresh
_GAP = 2  # columns between two columns of the table
_STYLES = {SweepState.RUNNING: "green", SweepState.FAILED: "yellow", SweepState.DAMAGED: "red"}


def sweeps_table(sweeps: Sequence[SweepSummary], now: float, width: int) -> Table:
    """Return a table of sweeps for a terminal of `width` columns; `now` is Unix time.

    Where names of sweeps would be broken, their size is left out, then their age.
    """
    heads = ["sweep", "state", "trainings", "best", *(["by"] if width >= _NARROW else []), "age", "size"]
    rows = [_cells(sweep, now, width) for sweep in sweeps]
    for head in ("size", "age"):
        if _needed_width(heads, rows) > width and "by" not in heads:
            heads.remove(head)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in heads:
        if head in ("sweep", "by"):
            table.add_column(head, overflow="fold")
        else:
            table.add_column(head, justify="left" if head == "state" else "right", no_wrap=True)
    for sweep, row in zip(sweeps, rows, strict=True):
        state = Text(row["state"], style=_STYLES.get(sweep.state, ""))
        table.add_row(*(state if head == "state" else row[head] for head in heads))
    return table


def _cells(sweep: SweepSummary, now: float, width: int) -> Mapping[str, str]:
    """Return the cells of a sweep by the heads of their columns."""
    return {
        "sweep": sweep.sweep,
        "state": sweep.state,
        "trainings": _trainings(sweep),
        "best": format_score(sweep.best.score if sweep.best else None),
        "by": _basis(sweep, "fresh seed" if width >= _WIDE else "seed"),
        "age": format_age(now - sweep.began_at / 1000),
        "size": format_bytes(sweep.bytes),
    }


def _needed_width(heads: Sequence[str], rows: Sequence[Mapping[str, str]]) -> int:
    """Return the columns that a table with these heads takes if no cell is broken."""
    return sum(_GAP + max(map(cell_len, [head, *(row[head] for row in rows)])) for head in heads) - _GAP


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
