"""Shows a sweep as plain lines: one for each trial that ends, and the state of the sweep below it."""

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal import formatting
from sweeper.terminal.progress import SweepProgress
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:  # `sweeper check` shows no time left
    from sweeper.protocol.remaining_time import RemainingTime

UNHEALTHY = [outcome for outcome in Outcome if not outcome.is_healthy]


class LinePrinter(Protocol):
    """Prints lines; a terminal is one."""

    def line(self, text: str = "", style: str | None = None, *, tail: str = "") -> None:
        """Print one line, and after it as much of `tail` as fits the width of a terminal."""


class LineView:
    """A view that prints a line for each trial that ends, except those that ended in an earlier run: `known_records`.

    `clock` gives Unix time on the machine that runs the sweep. The time shown counts from `start`, by default from now;
    with `remaining_time`, the time left is shown too.
    """

    def __init__(
        self,
        printer: LinePrinter,
        spec: SweepSpec,
        known_records: Iterable[TrialRecord],
        clock: Callable[[], float] = time.time,
        start: float | None = None,
        remaining_time: "RemainingTime | None" = None,
    ) -> None:
        self.printer, self.spec, self.remaining_time = printer, spec, remaining_time
        self.width = max(len(formatting.system_label(spec, system)) for system in range(len(spec.systems)))
        self.records: dict[int, TrialRecord] = {}
        self.printed = {record.trial.number for record in known_records if record.end is not None}
        self.clock, self.start = clock, clock() if start is None else start

    def update(self, record: TrialRecord) -> None:
        """Print the trial and the state of the sweep, if the trial has ended and was not printed yet."""
        if self.print_ended(record):
            self.printer.line(f"  {self.summary()}", style="dim")

    def print_ended(self, record: TrialRecord) -> bool:
        """Print the trial if it has ended and was not printed yet. Return True if it was printed now."""
        number = record.trial.number
        self.records[number] = record
        if record.end is None or number in self.printed:
            return False
        self.printed.add(number)
        trial = record.trial
        params = {} if trial.source_trial else formatting.searched_params(self.spec, trial.system, trial.params)
        self.printer.line(
            formatting.trial_line(self.spec, record, self.width), tail=f"  {formatting.format_params(params)}"
        )
        return True

    def say(self, text: str) -> None:
        """Print a message."""
        self.printer.line(f"  {text}")

    def summary(self) -> str:
        """Return the state in one line: trials done, stopped early, running and waiting, the best score, the times."""
        progress = SweepProgress(self.spec, self.records)
        counts = {
            "stopped early": progress.count([Outcome.STOPPED_EARLY]),
            "ended badly": progress.count(UNHEALTHY),
            "running": len(progress.running()),
            "waiting": len(progress.waiting()),
        }
        parts = [f"{len(progress.ended())} of {progress.total} trials done"]
        parts += [f"{count} {what}" for what, count in counts.items() if count]
        if progress.confirming():
            parts.append(f"{progress.confirmed()} of {progress.planned_to_confirm} confirmed")
        best = progress.best()
        if best is not None:
            system = formatting.system_label(self.spec, best.system)
            parts.append(f"best {formatting.format_score(best.score)} by trial {best.number} ({system})")
        now = self.clock()
        parts.append(formatting.format_duration(now - self.start))
        if self.remaining_time is not None and any(phase.done != phase.total for phase in progress.phases()):
            seconds_left = self.remaining_time.seconds_left(self.records.values(), now)
            if seconds_left is not None:
                parts.append(f"about {formatting.format_duration(seconds_left)} left")
        return ", ".join(parts)

    def close(self, status: RunStatus) -> None:
        """Do nothing: every line is printed."""
