"""TODO."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Importance:
    """The share of a knob in what made trials good, and the most that it had in scores dealt out at random."""

    hyperparameter: str
    share: float
    chance: float
