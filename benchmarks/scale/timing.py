"""The common part of both arms: a trial that takes no time, and a clock of the driver."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

METRIC = "validation/accuracy"
_POLL = 0.05  # seconds


def course(learning_rate: float, gate: Path | None) -> Iterator[float]:
    """Yield the accuracies of a trial's two validations. With a `gate`, wait after the first until that file exists."""
    accuracy = Random(learning_rate).random()
    yield accuracy
    while gate is not None and not gate.exists():
        time.sleep(_POLL)
    yield accuracy


class Clock:
    """Measures wall-clock and processor time of the driver while its trials report and end.

    Once `slots` trials have reported, they fill the cluster, and the gate is opened. Processor time is that of all
    threads of this process. `costs` has the processor time per trial, one value for each hundred trials.
    """

    def __init__(self, slots: int, gate: Path | None, every: int = 100) -> None:
        self.slots, self.gate, self.every = slots, gate, every
        self.start, self.spent = time.monotonic(), time.process_time()
        self.first_reports: dict[str, float] = {}  # by trial, seconds until its first report
        self.ended: set[str] = set()
        self.costs: list[float] = []

    def reported(self, trial: str) -> None:
        """Note a trial's report; only its first one counts."""
        self.first_reports.setdefault(trial, time.monotonic() - self.start)
        if self.gate is not None and len(self.first_reports) == self.slots:
            self.gate.touch()

    def trial_ended(self, trial: str) -> None:
        """Note the end of a trial. Further calls for the same trial have no effect."""
        if trial in self.ended:
            return
        self.ended.add(trial)
        if len(self.ended) % self.every == 0:
            spent = time.process_time()
            self.costs.append((spent - self.spent) / self.every)
            self.spent = spent

    def write(self, path: Path) -> None:
        """Write the measurements, in seconds."""
        first = sorted(self.first_reports.values())[: self.slots]
        timing = {
            "trials": len(self.ended),
            "pid": os.getpid(),
            "first_reports": [round(seconds, 2) for seconds in first],
            "filled": round(first[-1] - first[0], 2),
            "cost": [round(cost, 5) for cost in self.costs],
            "seconds": round(time.monotonic() - self.start, 1),
        }
        path.write_text(json.dumps(timing) + "\n", encoding="utf-8")
