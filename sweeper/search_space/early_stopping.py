"""The early stopping rules that a search space can name: one entry each in EARLY_STOPPING. Add a rule here.

Messages and reports are made from the entries. A rule decides at rungs, which are validations of a trial. The decision
is a pure function of the trial's value and of the values that reached the rung before it: they give the value that is
needed to continue. record/rung_pruner.py applies it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from sweeper.search_space.yaml_key import yaml_key
from sweeper.training.strict_model import StrictModel

if TYPE_CHECKING:  # `sweeper check` answers without loading numpy
    import numpy as np
    from numpy.typing import NDArray


class RungSettings(StrictModel):
    """The settings that every early stopping rule has. A rule's own settings derive from this."""

    grace_epochs: Annotated[
        float, yaml_key("Epochs that every trial may train before it can be stopped.", "epochs", gt=0)
    ] = 2

    def grace_validations(self, validations_per_epoch: int) -> int:
        """Return the number of validations in the grace epochs."""
        return round(self.grace_epochs * validations_per_epoch)

    def rungs(self, epochs: int, validations_per_epoch: int) -> tuple[int, ...]:
        """Return the validations (counted from 1) after which a trial of `epochs` epochs may be stopped.

        Each rule defines this; here it raises NotImplementedError.
        """
        raise NotImplementedError


class AshaSettings(RungSettings):
    """Settings of asynchronous successive halving. Its rungs are at grace_epochs * reduction_factor^k epochs."""

    reduction_factor: Annotated[
        int,
        yaml_key(
            "One in about this many trials continues at a rung; the next rung is this many times later.", "times", ge=2
        ),
    ] = 3

    def rungs(self, epochs: int, validations_per_epoch: int) -> tuple[int, ...]:
        """Return the validations (counted from 1) after which a trial of `epochs` epochs may be stopped."""
        steps, last = [], epochs * validations_per_epoch
        step = self.grace_epochs * validations_per_epoch
        while step < last:
            steps.append(round(step))
            step *= self.reduction_factor
        return tuple(steps)


Settings = TypeVar("Settings", bound=RungSettings)


def every_trial_passes(num_earlier: float, settings: RungSettings) -> float:
    """Return 1: the share of trials that continue at a rung, for a rule whose share nobody can foresee."""
    return 1.0


@dataclass(frozen=True)
class EarlyStoppingRule(Generic[Settings]):
    """A rule that stops poor trials early.

    `needed_value(earlier_values, settings)` returns the value that a trial needs at a rung; below it, the trial is
    stopped. None means that any value is enough. `earlier_values` (N,) are the values that reached the rung before, in
    the order of arrival; N may be 0. All values are finite, and more is better.

    `passing_share(num_earlier, settings)` returns the probability that a trial continues at a rung which `num_earlier`
    trials have reached, if it is as good as they are. Plans and the time left are made with it.
    """

    label: str
    description: str
    settings: type[Settings]
    needed_value: Callable[["NDArray[np.float64]", Settings], float | None]
    passing_share: Callable[[float, Settings], float] = every_trial_passes


def asha_needed_value(earlier_values: "NDArray[np.float64]", settings: AshaSettings) -> float | None:
    """Return the (1 - 1/reduction_factor) quantile of the earlier values; None for the first trial at a rung.

    (Li et al., "A System for Massively Parallel Hyperparameter Tuning",
    algorithm 2, in the form of ray.tune's ASHAScheduler.)
    """
    import numpy as np

    keep = 1 - 1 / settings.reduction_factor
    return float(np.percentile(earlier_values, 100 * keep)) if earlier_values.size else None


def asha_passing_share(num_earlier: float, settings: AshaSettings) -> float:
    """Return the probability that ASHA lets the next of equally good trials pass: (N q + 1 - q) / (N + 1).

    q is 1/reduction_factor. It holds from N = 1 on, because a new value falls into each of the N + 1 gaps between the
    earlier ones with the same probability. The first trial always passes; between, it is linear.
    """
    if num_earlier < 1:
        return 1 - num_earlier / 2
    kept = 1 / settings.reduction_factor
    return (num_earlier * kept + 1 - kept) / (num_earlier + 1)


EARLY_STOPPING: Mapping[str, EarlyStoppingRule[Any]] = {
    "asha": EarlyStoppingRule(
        label="ASHA",
        description="Stops a trial that is below most of the trials that reached the same epoch before it.",
        settings=AshaSettings,
        needed_value=asha_needed_value,
        passing_share=asha_passing_share,
    ),
}
DEFAULT_RULE = "asha"
