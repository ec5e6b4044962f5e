"""The use of a driver for each trial: seconds, and processor time of all threads of its process."""

import time
from collections.abc import Hashable

STRETCHES = 3  # of trials before a size, in each of which the cost is measured
_WARM_UP = 10  # trials that are left out: workers start meanwhile


class TrialClock:
    """Notes both times at the end of each trial, and once more when everything is recorded.

    What is recorded after the last trial, such as the rest that a thread sends to MLflow, belongs to all trials alike.
    """

    def __init__(self) -> None:
        self.wall, self.processor = [time.perf_counter()], [time.process_time()]
        self.first_reports: dict[Hashable, float] = {}  # by trial, seconds until its first report
        self.ended: set[Hashable] = set()
        self.flush_wall = self.flush_processor = 0.0  # seconds from the last trial until everything was recorded

    def trial_reported(self, trial: Hashable) -> None:
        """Note a trial's report. Only its first one counts."""
        self.first_reports.setdefault(trial, time.perf_counter() - self.wall[0])

    def trial_ended(self, trial: Hashable) -> None:
        """Note the end of a trial. Only the first call for it counts."""
        if trial not in self.ended:
            self.ended.add(trial)
            self.wall.append(time.perf_counter())
            self.processor.append(time.process_time())

    def sweep_ended(self) -> None:
        """Note that everything is recorded."""
        self.flush_wall = time.perf_counter() - self.wall[-1]
        self.flush_processor = time.process_time() - self.processor[-1]

    @property
    def num_trials(self) -> int:
        """The number of trials that have ended."""
        return len(self.wall) - 1

    def seconds_per_trial(self) -> float:
        """Return the seconds of a trial after the first few."""
        return _slope(self.wall, self._first, self.num_trials) + self.flush_wall / self.num_trials

    def processor_per_trial(self) -> float:
        """Return the driver's processor seconds of a trial after the first few."""
        return self.processor_between(self._first, self.num_trials)

    def processor_of_stretch(self, size: int, stretch: int) -> float:
        """Return the driver's processor seconds per trial close to trial number `size`.

        `stretch` 0, 1 and 2 are the three last stretches of trials before it, at most 100 trials each.
        """
        length = max(1, min(100, size // 4))
        last = size - length * (STRETCHES - 1 - stretch)
        return self.processor_between(last - length, last)

    def processor_between(self, first: int, last: int) -> float:
        """Return the driver's processor seconds for each of the trials after number `first`, up to number `last`."""
        return _slope(self.processor, first, last) + self.flush_processor / self.num_trials

    @property
    def _first(self) -> int:
        return min(_WARM_UP, self.num_trials // 2)


def _slope(times: list[float], first: int, last: int) -> float:
    return (times[last] - times[first]) / (last - first)
