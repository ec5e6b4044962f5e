"""A sweep as plain lines: one for each trial that ends, with the state of the whole behind it."""

import time

from sweeper.cli import words
from sweeper.cli.screen import Screen
from sweeper.outcome import Outcome
from sweeper.ports import Recorded
from sweeper.spec import SweepSpec
from sweeper.sweep import row


class Lines:
    """A Tracker that prints a line for each trial that ends."""

    def __init__(self, screen: Screen, spec: SweepSpec) -> None:
        self.screen, self.spec = screen, spec
        self.width = max(len(words.cell(cell)) for cell in spec.cells)
        self.total = sum(spec.share(cell) for cell in range(len(spec.cells)))
        self.states: dict[int, Recorded] = {}
        self.told: set[int] = set()
        self.start = time.monotonic()

    def greet(self, recorded: list[Recorded]) -> None:
        """Take what an earlier run left as told."""
        self.told = {one.trial.number for one in recorded if one.finish is not None}

    def update(self, recorded: Recorded) -> None:
        """Print the trial if it has ended and was not told yet."""
        number = recorded.trial.number
        self.states[number] = recorded
        if recorded.finish is not None and number not in self.told:
            self.told.add(number)
            self.screen.line(words.trial_line(self.spec, recorded, self.width))
            self.screen.line(f"  {self.summary()}", style="dim")

    def summary(self) -> str:
        """The whole in one line: how many trials are done, stopped early, running; the best; the time."""
        ended = [one for one in self.states.values() if one.finish is not None]
        stopped = sum(one.finish is not None and one.finish.outcome == Outcome.STOPPED_EARLY for one in ended)
        poor = sum(one.finish is not None and not one.finish.outcome.healthy for one in ended)
        parts = [f"{len(ended)} of {self.total} trials done"]
        parts += [f"{stopped} stopped early"] if stopped else []
        parts += [f"{poor} ended badly"] if poor else []
        parts += [f"{len(self.states) - len(ended)} running"] if len(self.states) > len(ended) else []
        parts += [self._best()] if any(one.reports for one in self.states.values()) else []
        return ", ".join([*parts, words.duration(time.monotonic() - self.start)])

    def _best(self) -> str:
        sign = self.spec.objective.sign
        rows = [row(self.spec, one) for one in self.states.values()]
        scored = [(one.score, one) for one in rows if one.score is not None]
        if not scored:
            return "no score yet"
        score, top = max(scored, key=lambda pair: sign * pair[0])
        return f"best {words.figure(score)} by trial {top.number} ({words.cell(self.spec.cells[top.cell])})"

    def close(self, status: str) -> None:
        """Nothing is left to print."""
