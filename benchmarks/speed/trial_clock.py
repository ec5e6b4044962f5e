"""The use of a driver for each trial: seconds, and processor time of its process."""

import time
from collections.abc import Hashable

from benchmarks.speed.cases import Measurement

_WARM_UP = 10  # trials that are left out: workers start meanwhile


class TrialClock:
    """Notes both times at the end of each trial, and once more when everything is recorded."""

    def __init__(self) -> None:
        self.known: set[Hashable] = set()
        self.wall: list[float] = []
        self.processor: list[float] = []
        self._note()

    def trial_ended(self, trial: Hashable) -> None:
        """Note the end of a trial. Only the first call for it counts."""
        if trial not in self.known:
            self.known.add(trial)
            self._note()

    def sweep_ended(self) -> None:
        """Move the last trial's time to now: what was still to be recorded belongs to the trials."""
        self.wall.pop()
        self.processor.pop()
        self._note()

    def _note(self) -> None:
        self.wall.append(time.perf_counter())
        self.processor.append(time.process_time())

    @property
    def num_trials(self) -> int:
        """The number of trials that have ended."""
        return len(self.wall) - 1

    def cost_per_trial(self) -> Measurement:
        """Return the milliseconds of a trial after the first few, with the driver's processor time."""
        first = min(_WARM_UP, self.num_trials // 2)
        return Measurement(
            _slope(self.wall, first, self.num_trials),
            {"processor ms of the driver": _slope(self.processor, first, self.num_trials)},
        )

    def processor_cost(self, size: int, window: int) -> Measurement:
        """Return the driver's processor milliseconds per trial close to trial number `size`.

        `window` 0, 1 and 2 are the three last stretches of trials before it, at most 100 trials each.
        """
        length = max(1, min(100, size // 4))
        stop = size - length * (2 - window)
        return Measurement(_slope(self.processor, stop - length, stop))


def _slope(times: list[float], first: int, last: int) -> float:
    return 1000 * (times[last] - times[first]) / (last - first)
