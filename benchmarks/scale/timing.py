"""The clock of both arms: how fast the slots fill, and what each trial costs the driver."""

import json
import os
from collections.abc import Hashable
from pathlib import Path

from benchmarks.instant.trial_clock import TrialClock

HUNDRED = 100  # trials whose cost is one value


class FillClock(TrialClock):
    """Opens the gate, if there is one, once `slots` trials have reported: then they fill the cluster."""

    def __init__(self, slots: int, gate: Path | None) -> None:
        super().__init__()
        self.slots, self.gate = slots, gate

    def trial_reported(self, trial: Hashable) -> None:
        """Note a trial's report, and open the gate at the first report of the last slot."""
        super().trial_reported(trial)
        if self.gate is not None and len(self.first_reports) == self.slots:
            self.gate.touch()

    def write(self, path: Path) -> None:
        """Write the measurements, in seconds, after everything is recorded.

        `cost` is the driver's processor time per trial of each hundred, with an equal share of what was recorded later.
        """
        self.sweep_ended()
        first = sorted(self.first_reports.values())[: self.slots]
        hundreds = range(HUNDRED, self.num_trials + 1, HUNDRED)
        timing = {
            "trials": self.num_trials,
            "pid": os.getpid(),
            "first_reports": [round(seconds, 2) for seconds in first],
            "filled": round(first[-1] - first[0], 2),
            "cost": [round(self.processor_between(last - HUNDRED, last), 5) for last in hundreds],
            "flush": round(self.flush_processor, 2),
            "seconds": round(self.wall[-1] - self.wall[0] + self.flush_wall, 1),
        }
        path.write_text(json.dumps(timing) + "\n", encoding="utf-8")
