"""The live view of a sweep on a terminal: its cells, the trials that run, the best so far, the time.

It has the whole screen while it is there and is drawn anew each time, so that neither a resize nor a long line leaves
anything behind. When it goes, the trials that ended are told in lines, as they are where there is no terminal.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeper.protocol.ranking import best_report
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal import formatting
from sweeper.terminal.line_view import BAD, LineView
from sweeper.terminal.progress import SweepProgress
from sweeper.terminal.terminal import Terminal
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

_BARS = "▁▂▃▄▅▆▇█"
_CURVE = 12  # validations in a curve
_BAR = 76  # columns of the bar of trials
_NARROW = 80  # columns below which the less important ones are left out


class LiveView:
    """A Tracker that draws the sweep on the terminal while it runs, and tells it in lines when it is over."""

    def __init__(self, screen: Terminal, spec: SweepSpec, known: Iterable[TrialRecord], drawing: "Dashboard") -> None:
        self.screen, self.lines, self.drawing = screen, LineView(screen, spec, known, drawing.clock), drawing
        self.live = Live(drawing, console=screen.console, screen=True, refresh_per_second=2, redirect_stdout=False,
                         redirect_stderr=False, vertical_overflow="crop")  # fmt: skip
        self.live.start()

    def update(self, recorded: TrialRecord) -> None:
        """Take the newest state of a trial; the view draws it when its turn comes."""
        self.drawing.states = {**self.drawing.states, recorded.trial.number: recorded}

    def say(self, text: str) -> None:
        """Draw what the user should know below the rest, the newest alone; all of it is told when the view goes."""
        if self.live.is_started:
            self.drawing.notes = (*self.drawing.notes, text)
        else:
            self.lines.say(text)

    def close(self, status: RunStatus) -> None:
        """Give the terminal back, and tell what was said and what ended while the view was there."""
        self.live.stop()
        for text in self.drawing.notes:
            self.lines.say(text)
        for state in self.drawing.states.values():
            self.lines.tell(state)
        self.screen.line(self.lines.summary(), style="dim")


class Dashboard:
    """A sweep in its `states`, drawn as wide as the console is.

    `header` stands on top, `slots` trials run at a time, `clock` gives Unix time; the time that has passed counts from
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
        self.states: Mapping[int, TrialRecord] = {}
        self.notes: tuple[str, ...] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        state = SweepProgress(self.spec, self.states)
        wide = options.max_width >= _NARROW
        yield Group(
            Text(self.header, style="bold", no_wrap=True, overflow="ellipsis"),
            _bar(len(state.ended()), state.total, min(options.max_width, _BAR)),
            *(Text(line, no_wrap=True, overflow="ellipsis") for line in self._progress(state)),
            Text(),
            self._systems(state, wide),
            Text(),
            self._running(state, wide),
            Text(),
            *self._best(state),
            *(Text(note, style="yellow", overflow="fold") for note in self.notes[-1:]),
        )

    def _progress(self, state: SweepProgress) -> list[str]:
        parts = [f"{len(state.ended())}/{state.total} trials", formatting.format_duration(self.clock() - self.start)]
        left = state.seconds_left(self.slots, self.clock())
        parts += [f"about {formatting.format_duration(left)} left"] if left is not None else []
        if state.confirming():
            parts.insert(1, f"confirming {state.confirmed()}/{state.to_confirm}")
        spared, whole = state.saved()
        return ["  ·  ".join(parts), *([f"ASHA saved {spared:g} of {whole:g} epochs"] if spared else [])]

    def _systems(self, state: SweepProgress, wide: bool) -> Table:
        table = _table("cell")
        for name in ("done", "running", "stopped", "failed", "best") if wide else ("done", "run", "stop", "best"):
            table.add_column(name, justify="right", no_wrap=True)
        for system in range(len(self.spec.systems)):
            done = f"{len(state.ended(system))}/{self.spec.trial_budget(system)}"
            running, stopped = str(len(state.running(system))), str(state.count([Outcome.STOPPED_EARLY], system))
            bad = [str(state.count(BAD, system))] if wide else []
            best = state.best(system)
            score = formatting.format_score(best.score if best else None)
            table.add_row(formatting.system_label(self.spec, system), done, running, stopped, *bad, score)
        return table

    def _running(self, state: SweepProgress, wide: bool) -> Table:
        table = _table("running")
        for name in ("epoch", "score"):
            table.add_column(name, justify="right", no_wrap=True, min_width=6)
        table.add_column("curve", no_wrap=True, min_width=_CURVE if wide else 5)
        if wide:
            table.add_column("settings")  # the one that gives way
        for one in state.running():
            table.add_row(*self._running_row(one, wide))
        return table

    def _running_row(self, one: TrialRecord, wide: bool) -> list[str | Text]:
        own, trial, metric = self.spec.systems[one.trial.system], one.trial, self.spec.objective.metric
        epoch = f"{one.reports[-1].epoch if one.reports else 0:g}/{trial.config.total_epochs}"
        best = best_report(self.spec, one)
        score = formatting.format_score(best.metrics[metric] if best else None)
        curve = sparkline([report.metrics.get(metric, math.nan) for report in one.reports])
        params = formatting.format_params({name: value for name, value in trial.params.items() if name not in own})
        settings = Text(params, no_wrap=True, overflow="ellipsis")
        name = f"{trial.number} {formatting.system_label(self.spec, trial.system)}"
        return [name, epoch, score, curve, *([settings] if wide else [])]

    def _best(self, state: SweepProgress) -> list[Text]:
        best = state.best()
        if best is None:
            return [Text("no score yet", style="dim")]
        own = self.spec.systems[best.system]
        place = f"best {formatting.format_score(best.score)}  trial {best.number}, {formatting.system_label(self.spec, best.system)}"
        params = formatting.format_params({name: value for name, value in best.params.items() if name not in own})
        return [Text(place, style="bold green", no_wrap=True, overflow="ellipsis"), Text(params, overflow="fold")]


def _bar(done: int, total: int, width: int) -> Table:
    """A bar on a line of its own."""
    line = Table.grid()
    line.add_row(ProgressBar(total, done, width=width, complete_style="green", finished_style="green"))
    return line


def _table(first: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True, overflow="ellipsis", min_width=12)
    return table


def sparkline(values: list[float], most: int = _CURVE) -> str:
    """The last values as a row of bars, scaled between their own least and greatest; a gap where one is not finite."""
    shown = values[-most:]
    finite = [value for value in shown if abs(value) < float("inf")]
    if not finite:
        return ""
    low, span = min(finite), max(finite) - min(finite)
    levels = [_BARS[round((value - low) / span * 7) if span else 3] if value in finite else " " for value in shown]
    return "".join(levels)
