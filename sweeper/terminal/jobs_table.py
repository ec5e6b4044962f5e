"""Lists the jobs of a cluster as a table."""

import time
from collections.abc import Iterable

from rich.table import Table

from sweeper.terminal.formatting import format_duration


def jobs_table(jobs: Iterable[tuple[str, str, float | None, float | None]], now: float) -> Table:
    """Return a table of jobs, each with its id, status, and when it began and ended in Unix time."""
    table = Table("job", "status", "began", "took", box=None, pad_edge=False, header_style="dim")
    for job, status, began, ended in jobs:
        moment = time.strftime("%Y-%m-%d %H:%M", time.localtime(began)) if began else "not yet"
        took = format_duration((ended or now) - began) if began else ""
        table.add_row(job, status.lower(), moment, took)
    return table
