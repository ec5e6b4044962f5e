"""The order in which a grid is tried: spread over the grid, so that the first settings of a large one stand for all."""

from collections import Counter
from collections.abc import Mapping, Sequence

from sweeper.training.config import Scalar

Setting = dict[str, Scalar]

_SPREAD = 64  # settings that are chosen to be unlike each other; those after them are in the given order
_WINDOW = 512  # candidates that are compared for each of them


def spread_settings(first: Sequence[Setting], shuffled: Sequence[Setting]) -> list[Setting]:
    """Return `first`, and then all of `shuffled`, where the next setting has the values that were used least so far.

    Of equally good settings the one that comes first in `shuffled` is taken, so the order depends on the arguments
    alone.
    """
    ordered, remaining = list(first), list(shuffled)
    uses = Counter(item for setting in first for item in setting.items())
    while remaining and len(ordered) < _SPREAD:
        best = min(range(min(len(remaining), _WINDOW)), key=lambda k: _num_uses(uses, remaining[k]))
        ordered.append(remaining.pop(best))
        uses.update(ordered[-1].items())
    return ordered + remaining


def _num_uses(uses: Mapping[tuple[str, Scalar], int], setting: Setting) -> float:
    """Return the mean number of uses that the values of a setting have had."""
    return sum(uses[item] for item in setting.items()) / len(setting) if setting else 0
