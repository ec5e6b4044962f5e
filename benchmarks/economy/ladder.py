"""The rungs of one system at which trials pause, and the rule by which they are promoted.

(Li et al., "A System for Massively Parallel Hyperparameter Tuning", algorithm 2: asynchronous successive halving.)
"""

from collections.abc import Sequence


class Ladder:
    """The trials of a system by rung.

    Of n trials that reached a rung, the best n // reduction_factor may be promoted, each once. A promotion stands, also
    when better trials come after it. When no more trials will come to a rung, at least one is promoted: without that, a
    small share would end without a completed trial.
    """

    def __init__(self, rungs: Sequence[int], reduction_factor: int, share: int) -> None:
        """`rungs` are validations, counted from 1. The system gets `share` trials."""
        self.rungs, self.reduction_factor, self.share = tuple(rungs), reduction_factor, share
        self.values: list[dict[int, float]] = [{} for _ in self.rungs]  # by number of the trial
        self.promoted: list[set[int]] = [set() for _ in self.rungs]

    def pause(self, number: int, step: int, value: float) -> bool:
        """Take a trial's validation. Return True if it is a rung, at which the trial pauses."""
        if step not in self.rungs:
            return False
        self.values[self.rungs.index(step)][number] = value
        return True

    def promotable(self, rung: int) -> list[int]:
        """Return the trials that may be promoted from a rung (from 0) now, the best first. More is better."""
        values = self.values[rung]
        count = max(len(values) // self.reduction_factor, int(self._is_complete(rung)))
        best = sorted(values, key=lambda number: (-values[number], number))[:count]
        return [number for number in best if number not in self.promoted[rung]]

    def promote(self, rung: int) -> int:
        """Promote the best promotable trial of a rung, and return its number."""
        number = self.promotable(rung)[0]
        self.promoted[rung].add(number)
        return number

    def _is_complete(self, rung: int) -> bool:
        """Return True if no more trials will come to a rung."""
        if rung == 0:
            return len(self.values[0]) == self.share
        below = rung - 1
        arrived = len(self.values[rung]) == len(self.promoted[below])
        return arrived and self._is_complete(below) and not self.promotable(below)
