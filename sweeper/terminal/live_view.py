"""Shows a running sweep on a terminal that can be redrawn.

The view has the whole screen while it is there and is drawn anew each time, so that neither a resize nor a long line
leaves anything behind. When it closes, the trials that ended are printed as lines, as they are without a terminal.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.live import Live

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal.dashboard import Dashboard
from sweeper.terminal.line_view import LineView
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:
    from sweeper.terminal.terminal import Terminal


class LiveView:
    """A view that draws the sweep while it runs, and prints it as lines when it is over."""

    def __init__(
        self, terminal: "Terminal", spec: SweepSpec, known_records: Iterable[TrialRecord], dashboard: Dashboard
    ) -> None:
        self.terminal, self.dashboard = terminal, dashboard
        self.lines = LineView(terminal, spec, known_records, dashboard.clock, dashboard.start)
        self.live = Live(dashboard, console=terminal.console, screen=True, refresh_per_second=2, redirect_stdout=False,
                         redirect_stderr=False, vertical_overflow="crop")  # fmt: skip
        terminal.last_words.use_screen(True)
        self.live.start(refresh=True)  # else the screen stays empty until the first refresh

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
        """Leave the full screen, and print the messages and the trials that ended meanwhile.

        If the sweep is not over, its state is printed too, so that it can still be read.
        """
        self.live.stop()
        self.terminal.last_words.use_screen(False)
        notes, self.dashboard.notes = self.dashboard.notes, ()
        for text in notes:
            self.lines.say(text)
        for record in self.dashboard.records.values():
            self.lines.print_ended(record)
        if status == RunStatus.FINISHED:
            self.terminal.line(self.lines.summary(), style="dim")
        else:
            self.dashboard.is_closed = True
            self.terminal.console.print(self.dashboard)
