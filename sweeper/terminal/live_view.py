"""Draws a running sweep on a terminal: its systems, the trials that run, the best score so far, the time.

The view has the whole screen while it is there and is drawn anew each time, so that neither a resize nor a long line
leaves anything behind. When it closes, the trials that ended are printed as lines, as they are without a terminal.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeper.protocol.ranking import best_report
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal import formatting
from sweeper.terminal.line_view import UNHEALTHY, LineView
from sweeper.terminal.literal_console import literal_text
from sweeper.terminal.progress import SweepProgress
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:
    from sweeper.terminal.terminal import Terminal

_BARS = "▁▂▃▄▅▆▇█"
_CURVE_LENGTH = 12  # validations in a curve
_BAR_WIDTH = 76  # columns
_MAX_NOTES = 4  # messages that are seen at once
_NARROW = 80  # columns below which the less important columns are left out


class LiveView:
    """A view that draws the sweep while it runs, and prints it as lines when it is over."""

    def __init__(
        self, terminal: "Terminal", spec: SweepSpec, known: Iterable[TrialRecord], dashboard: "Dashboard"
    ) -> None:
        self.terminal, self.dashboard = terminal, dashboard
        self.lines = LineView(terminal, spec, known, dashboard.clock, dashboard.start)
        self.live = Live(dashboard, console=terminal.console, screen=True, refresh_per_second=2, redirect_stdout=False,
                         redirect_stderr=False, vertical_overflow="crop")  # fmt: skip
        self.live.start()

    def update(self, record: TrialRecord) -> None:
        """Take the newest state of a trial; it is drawn at the next refresh."""
        self.dashboard.records = {**self.dashboard.records, record.trial.number: record}

    def say(self, text: str) -> None:
        """Draw a message at the bottom, where the newest are seen. All are printed when the view closes."""
        if self.live.is_started:
            self.dashboard.notes = (*self.dashboard.notes, text)
        else:
            self.lines.say(text)

    def close(self, status: RunStatus) -> None:
        """Leave the full screen, and print the messages and the trials that ended meanwhile."""
        self.live.stop()
        for text in self.dashboard.notes:
            self.lines.say(text)
        for record in self.dashboard.records.values():
            self.lines.print_ended(record)
        self.terminal.line(self.lines.summary(), style="dim")


class Dashboard:
    """A drawing of a sweep, as wide as the console.

    `header` stands on top, `slots` trials run at a time, and `clock` gives Unix time. The time shown counts from
    `start`, by default from now.
    """

    def __init__(
        self,
        spec: SweepSpec,
        header: str,
        slots: int,
        clock: Callable[[], float] = time.time,
        start: float | None = None,
    ) -> None:
        self.spec, self.header, self.slots = spec, header, slots
        self.clock, self.start = clock, clock() if start is None else start
        self.records: Mapping[int, TrialRecord] = {}
        self.notes: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        progress = SweepProgress(self.spec, self.records)
        wide = options.max_width >= _NARROW
        yield Group(
            literal_text(self.header, style="bold", no_wrap=True, overflow="ellipsis"),
            _progress_bar(len(progress.ended()), progress.total, min(options.max_width, _BAR_WIDTH)),
            *(literal_text(line, no_wrap=True, overflow="ellipsis") for line in self._progress_lines(progress)),
            Text(),
            self._systems_table(progress, wide),
            Text(),
            self._running_table(progress, wide),
            Text(),
            *self._best_lines(progress),
            *self._last_end_lines(progress),
            *(literal_text(note, style="yellow", overflow="fold") for note in self.notes[-_MAX_NOTES:]),
        )

    def _progress_lines(self, progress: SweepProgress) -> list[str]:
        duration = formatting.format_duration(self.clock() - self.start)
        parts = [f"{len(progress.ended())}/{progress.total} trials", duration]
        left = progress.seconds_left(self.slots, self.clock())
        if left is not None:
            parts.append(f"about {formatting.format_duration(left)} left")
        if progress.confirming():
            parts.insert(1, f"confirming {progress.confirmed()}/{progress.to_confirm}")
        saved, planned = progress.saved_epochs()
        return [
            "  ·  ".join(parts),
            *([f"{progress.spec.early_stopping_label} saved {saved:g} of {planned:g} epochs"] if saved else []),
        ]

    def _systems_table(self, progress: SweepProgress, wide: bool) -> Table:
        table = _table("system")
        for name in ("done", "running", "stopped", "failed", "best") if wide else ("done", "run", "stop", "best"):
            table.add_column(name, justify="right", no_wrap=True)
        for system in range(len(self.spec.systems)):
            best = progress.best(system)
            table.add_row(
                formatting.system_label(self.spec, system),
                f"{len(progress.ended(system))}/{progress.share(system)}",
                str(len(progress.running(system))),
                str(progress.count([Outcome.STOPPED_EARLY], system)),
                *([str(progress.count(UNHEALTHY, system))] if wide else []),
                formatting.format_score(best.score if best else None),
            )
        return table

    def _running_table(self, progress: SweepProgress, wide: bool) -> Table:
        table = _table("running")
        for name in ("epoch", "score"):
            table.add_column(name, justify="right", no_wrap=True, min_width=6)
        table.add_column("curve", no_wrap=True, min_width=_CURVE_LENGTH if wide else 5)
        if wide:
            table.add_column("settings")  # the column that is cut first
        for record in progress.running():
            table.add_row(*self._running_row(record, wide))
        return table

    def _running_row(self, record: TrialRecord, wide: bool) -> list[str | Text]:
        trial, metric, best = record.trial, self.spec.objective.metric, best_report(self.spec, record)
        params = formatting.format_params(formatting.searched_params(self.spec, trial.system, trial.params))
        return [
            f"{trial.number} {formatting.system_label(self.spec, trial.system)}",
            f"{record.reports[-1].epoch if record.reports else 0:g}/{trial.config.total_epochs}",
            formatting.format_score(best.metrics[metric] if best else None),
            sparkline([report.metrics.get(metric, math.nan) for report in record.reports]),
            *([literal_text(params, no_wrap=True, overflow="ellipsis")] if wide else []),
        ]

    def _best_lines(self, progress: SweepProgress) -> list[Text]:
        best = progress.best()
        if best is None:
            return [Text("no score yet", style="dim")]
        system = formatting.system_label(self.spec, best.system)
        headline = f"best {formatting.format_score(best.score)}  trial {best.number}, {system}"
        params = formatting.format_params(formatting.searched_params(self.spec, best.system, best.params))
        return [
            literal_text(headline, style="bold green", no_wrap=True, overflow="ellipsis"),
            literal_text(params, overflow="fold"),
        ]

    def _last_end_lines(self, progress: SweepProgress) -> list[Text]:
        """Return the reason of the newest trial that did not train to its end, if there is one."""
        stopped = [(record.ended_at or 0, record) for record in progress.ended() if record.end and record.end.reason]
        if not stopped:
            return []
        record = max(stopped, key=lambda pair: pair[0])[1]
        label = f"trial {record.trial.number} {formatting.system_label(self.spec, record.trial.system)}"
        reason = record.end.reason if record.end else ""
        return [literal_text(f"{label}: {reason}", style="dim", no_wrap=True, overflow="ellipsis")]


def _progress_bar(done: int, total: int, width: int) -> Table:
    """Return a bar on a line of its own."""
    line = Table.grid()
    line.add_row(ProgressBar(total, done, width=width, complete_style="green", finished_style="green"))
    return line


def _table(first_column: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(first_column, no_wrap=True, overflow="ellipsis", min_width=12)
    return table


def sparkline(values: list[float], length: int = _CURVE_LENGTH) -> str:
    """Return the last values as a row of bars, scaled between their minimum and maximum.

    A value that is not finite leaves a gap.
    """
    shown = values[-length:]
    finite = [value for value in shown if math.isfinite(value)]
    if not finite:
        return ""
    low, span = min(finite), max(finite) - min(finite)
    bars = [_BARS[round((value - low) / span * 7) if span else 3] if value in finite else " " for value in shown]
    return "".join(bars)
