"""The answer that is near to most of some draws."""

from bisect import bisect_right
from collections.abc import Sequence

_NEAR = 1 / 3  # of the truth
_LEAST = 1e-9  # seconds


def likely_answer(draws: Sequence[float]) -> float:
    """Return the answer that is within a third of as many draws as possible, if each may be the truth.

    Where answers are within a third of equally many, it is the one whose draws are closest together. Draws are at least
    0, and there is at least one.
    """
    ordered = sorted(draws)
    reach = (1 + _NEAR) / (1 - _NEAR)  # an answer can be near to all draws from one to this multiple of it
    ends = [bisect_right(ordered, reach * low) for low in ordered]
    index = max(
        range(len(ordered)),
        key=lambda start: (ends[start] - start, ordered[start] / max(_LEAST, ordered[ends[start] - 1])),
    )
    low, high = ordered[index], ordered[ends[index] - 1]
    return ((1 + _NEAR) * low + (1 - _NEAR) * high) / 2  # between the largest and the smallest answer near to these
