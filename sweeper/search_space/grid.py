"""The order in which a grid is tried: spread over the grid, so that the first settings of a large one stand for all."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sweeper.training.config import Scalar

Setting = dict[str, Scalar]

_SPREAD = 64  # settings that are chosen to be unlike each other; those after them are in the given order
_WINDOW = 512  # candidates that are compared for each of them


def spread_settings(first: Sequence[Mapping[str, Scalar]], shuffled: Sequence[Setting]) -> list[Setting]:
    """Return all of `shuffled`, where the next setting has the values that were used least so far.

    For each entry of `first`, in order, a setting that contains it comes before all others. Of equally good settings
    the one that comes first in `shuffled` is taken, so the order depends on the arguments alone.
    """
    ordered: list[Setting] = []
    remaining = list(shuffled)
    uses: Counter[tuple[str, Scalar]] = Counter()

    def take(candidates: Iterable[int]) -> None:
        best = min(candidates, key=lambda k: _num_uses(uses, remaining[k]), default=None)
        if best is not None:
            ordered.append(remaining.pop(best))
            uses.update(ordered[-1].items())

    for entry in first:
        take([k for k, setting in enumerate(remaining) if entry.items() <= setting.items()])
    while remaining and len(ordered) < _SPREAD:
        take(range(min(len(remaining), _WINDOW)))
    return ordered + remaining


def _num_uses(uses: Mapping[tuple[str, Scalar], int], setting: Setting) -> float:
    """Return the mean number of uses that the values of a setting have had."""
    return sum(uses[item] for item in setting.items()) / len(setting) if setting else 0
