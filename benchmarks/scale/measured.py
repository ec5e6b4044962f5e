"""What both arms are measured by: a trial that takes no time, and the driver's clock beside the trials that ended."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

METRIC = "validation/accuracy"
_POLL = 0.05  # seconds between two looks of a trial that waits


def course(learning_rate: float, gate: Path | None) -> Iterator[float]:
    """The accuracies of a trial at its two validations; with a `gate` it waits after the first until that is open."""
    accuracy = Random(learning_rate).random()
    yield accuracy
    while gate is not None and not gate.exists():
        time.sleep(_POLL)
    yield accuracy


class Clock:
    """The driver's wall clock and processor time since it began, as its trials report and end.

    Once `slots` trials have reported, they fill the cluster: that opens the gate. The processor time is of the whole
    process, all threads; `costs` has what was added to it for each trial, a hundred of them at a time.
    """

    def __init__(self, slots: int, gate: Path | None, every: int = 100) -> None:
        self.slots, self.gate, self.every = slots, gate, every
        self.begun, self.spent = time.monotonic(), time.process_time()
        self.words: dict[str, float] = {}  # by trial, seconds until its first report
        self.ended: set[str] = set()
        self.costs: list[float] = []

    def reported(self, trial: str) -> None:
        """A trial reported."""
        self.words.setdefault(trial, time.monotonic() - self.begun)
        if self.gate is not None and len(self.words) == self.slots:
            self.gate.touch()

    def over(self, trial: str) -> None:
        """A trial ended; saying so again changes nothing."""
        if trial in self.ended:
            return
        self.ended.add(trial)
        if len(self.ended) % self.every == 0:
            spent = time.process_time()
            self.costs.append((spent - self.spent) / self.every)
            self.spent = spent

    def write(self, path: Path) -> None:
        """Write what was measured, in seconds."""
        first = sorted(self.words.values())[: self.slots]
        found = {
            "trials": len(self.ended),
            "pid": os.getpid(),
            "first_words": [round(seconds, 2) for seconds in first],
            "filled": round(first[-1] - first[0], 2),
            "cost": [round(cost, 5) for cost in self.costs],
            "seconds": round(time.monotonic() - self.begun, 1),
        }
        path.write_text(json.dumps(found) + "\n", encoding="utf-8")
