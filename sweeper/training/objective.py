"""The metric by which the best epoch of a trial and the best trial of a sweep are chosen."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from sweeper.training.metric_registry import class_objectives, objective_metrics
from sweeper.training.strict_model import StrictModel, one_of

DEFAULT_OBJECTIVE = "validation/accuracy"


class ObjectiveMetric(StrictModel):
    """The metric that a sweep optimizes. Its best value over the epochs of a trial is the trial's value.

    With `average: last`, its last value is. Search spaces set either `maximize` or `minimize`; the default is to
    maximize validation/accuracy.
    """

    maximize: Annotated[str, one_of(objective_metrics("higher"), class_objectives("higher"))] | None = Field(
        None, description="The metric to maximize. `validation/f1/CLASS` is the F1 of one class."
    )
    minimize: Annotated[str, one_of(objective_metrics("lower"), class_objectives("lower"))] | None = Field(
        None, description="The metric to minimize, instead of one to maximize."
    )
    stop_at: float | None = Field(
        None, description="Value of the metric at which the search ends, for all systems together."
    )

    @property
    def metric(self) -> str:
        """The metric's name, as in a ValidationReport."""
        return self.maximize or self.minimize or DEFAULT_OBJECTIVE

    @property
    def name(self) -> str:
        """The metric's name among the metrics of training/metric_registry.py."""
        return self.metric.removeprefix("validation/")

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """The key of a search space that names the metric."""
        return "minimize" if self.minimize else "maximize"

    @property
    def sign(self) -> int:
        """1 if higher values are better, -1 if lower values are."""
        return -1 if self.minimize else 1

    def value_of(self, values: Sequence[float], *, keeps_last: bool) -> float:
        """Return the value of a training with these validations, in order: the best, or with `keeps_last` the last."""
        return values[-1] if keeps_last else self.sign * max(self.sign * value for value in values)
