"""The importance of a hyperparameter, as record/importance.py computes it and the report shows it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Importance:
    """The share of a hyperparameter in the difference between good trials and the rest.

    `chance` is the largest share that it got when the scores were shuffled: a `share` below it says nothing.
    """

    hyperparameter: str
    share: float
    chance: float
