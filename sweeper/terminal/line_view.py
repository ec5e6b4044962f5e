"""A sweep as plain lines: one for each trial that ends, with the state of the whole below it."""

import time
from collections.abc import Callable, Iterable

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal import formatting
from sweeper.terminal.progress import SweepProgress
from sweeper.terminal.terminal import Terminal
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

BAD = [outcome for outcome in Outcome if not outcome.is_healthy]


class LineView:
    """A Tracker that prints a line for each trial that ends; `known` are those that an earlier run told of.

    `clock` gives Unix time where the sweep runs.
    """

    def __init__(
        self, screen: Terminal, spec: SweepSpec, known: Iterable[TrialRecord], clock: Callable[[], float] = time.time
    ) -> None:
        self.screen, self.spec = screen, spec
        self.width = max(len(formatting.system_label(spec, system)) for system in range(len(spec.systems)))
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
        self.screen.line(formatting.trial_line(self.spec, recorded, self.width), fit=True)
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
            place = formatting.system_label(self.spec, best.system)
            parts.append(f"best {formatting.format_score(best.score)} by trial {best.number} ({place})")
        return ", ".join([*parts, formatting.format_duration(self.clock() - self.start)])

    def close(self, status: RunStatus) -> None:
        """Nothing is left to print."""
