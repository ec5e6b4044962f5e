"""TODO."""

from typing import Literal

from sweeper.training.config import StrictModel


class ObjectiveMetric(StrictModel):
    """The metric that chooses: its best value over the epochs of a trial is the trial's value."""

    maximize: Literal["validation/accuracy", "validation/macro_f1", "validation/weighted_f1"] | None = None
    minimize: Literal["validation/loss"] | None = None

    @property
    def metric(self) -> str:
        """The metric's name, as in a Report."""
        return self.maximize or self.minimize or "validation/accuracy"

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return -1 if self.minimize else 1
