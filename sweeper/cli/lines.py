"""A sweep as plain lines: one for each trial that ends, with the state of the whole below it."""

import time
from collections.abc import Callable, Iterable

from sweeper.cli import words
from sweeper.cli.screen import Terminal
from sweeper.cli.summary import SweepProgress
from sweeper.outcome import Outcome
from sweeper.spec import SweepSpec
from sweeper.values import TrialRecord

BAD = [outcome for outcome in Outcome if not outcome.healthy]


class LineView:
    """A Tracker that prints a line for each trial that ends; `known` are those that an earlier run told of.

    `clock` gives Unix time where the sweep runs.
    """

    def __init__(
        self, screen: Terminal, spec: SweepSpec, known: Iterable[TrialRecord], clock: Callable[[], float] = time.time
    ) -> None:
        self.screen, self.spec = screen, spec
        self.width = max(len(words.system_label(spec, cell)) for cell in range(len(spec.systems)))
        self.states: dict[int, TrialRecord] = {}
        self.told = {one.trial.number for one in known if one.end is not None}
        self.clock, self.start = clock, clock()

    def update(self, recorded: TrialRecord) -> None:
        """Print the trial, and the state of the whole, if it has ended and was not told yet."""
        if self.tell(recorded):
            self.screen.line(f"  {self.summary()}", style="dim")

    def tell(self, recorded: TrialRecord) -> bool:
        """Print the trial alone, if it has ended and was not told yet; whether it was printed."""
        number = recorded.trial.number
        self.states[number] = recorded
        if recorded.end is None or number in self.told:
            return False
        self.told.add(number)
        self.screen.line(words.trial_line(self.spec, recorded, self.width), fit=True)
        return True

    def say(self, text: str) -> None:
        """Print what the user should know."""
        self.screen.line(f"  {text}")

    def summary(self) -> str:
        """The whole in one line: how many trials are done, stopped early, running; the best; the time."""
        state = SweepProgress(self.spec, self.states)
        stopped, poor, running = state.count([Outcome.STOPPED_EARLY]), state.count(BAD), len(state.running())
        parts = [f"{len(state.ended())} of {state.total} trials done"]
        parts += [f"{stopped} stopped early"] if stopped else []
        parts += [f"{poor} ended badly"] if poor else []
        parts += [f"{running} running"] if running else []
        if state.confirming():
            parts.append(f"{state.confirmed()} of {state.to_confirm} confirmed")
        best = state.best()
        if best is not None:
            place = words.system_label(self.spec, best.cell)
            parts.append(f"best {words.format_score(best.score)} by trial {best.number} ({place})")
        return ", ".join([*parts, words.format_duration(self.clock() - self.start)])

    def close(self, status: str) -> None:
        """Nothing is left to print."""
