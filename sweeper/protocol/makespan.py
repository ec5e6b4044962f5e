"""The time that trainings take side by side: each starts, in order, as soon as a slot is free."""

import heapq
from collections.abc import Iterable, Sequence


def makespan(durations: Iterable[float], slots: int, first: float = 0.0) -> float:
    """Return the seconds until all are done, if the slots are free after `first` seconds; 0 without any."""
    return max((end for _, end in _schedule(durations, slots, first)), default=0.0)


def time_of_work(durations: Sequence[float], works: Sequence[float], slots: int, amount: float) -> float:
    """Return the seconds until an amount of work is done, where each training does its work evenly.

    It is the time until all are done if they do less.
    """
    changes: list[tuple[float, float]] = []  # times at which work per second changes, and by how much
    for (begin, end), work in zip(_schedule(durations, slots), works, strict=True):
        if end > begin:
            changes += [(begin, work / (end - begin)), (end, -work / (end - begin))]
    now = speed = done = 0.0
    for time, change in sorted(changes):
        if speed > 0 and done + speed * (time - now) >= amount:
            return now + (amount - done) / speed
        done += speed * (time - now)
        now, speed = time, speed + change
    return now


def _schedule(durations: Iterable[float], slots: int, first: float = 0.0) -> list[tuple[float, float]]:
    """Return the begin and the end of each training, in seconds."""
    free, times = [first] * slots, []
    for duration in durations:
        begin = free[0]
        heapq.heapreplace(free, begin + duration)
        times.append((begin, begin + duration))
    return times
