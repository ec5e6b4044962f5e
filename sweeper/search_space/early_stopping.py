"""The early stopping rules that a search space can name: one entry each in EARLY_STOPPING. Add a rule here.

Messages and reports are made from the entries. A rule decides at rungs, which are validations of a trial. The decision
is a pure function of the trial's value and of the values that reached the rung before it: they give the value that is
needed to continue. record/rung_pruner.py applies it.

A rule may have brackets. Each bracket has rungs of its own, at which its trials are compared with each other only. A
trial's bracket follows from the number of its system's trials before it, and is in the record.

A rule that pauses has no value that a trial needs: every trial waits at a rung, and the best ones continue later
(protocol/promotion.py).
"""

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from sweeper.search_space.yaml_key import yaml_key
from sweeper.training.strict_model import StrictModel

if TYPE_CHECKING:  # `sweeper check` answers without loading numpy
    import numpy as np
    from numpy.typing import NDArray

_TURN = 0.6180339887498949  # the golden section: its multiples, without their whole part, spread evenly over 0 to 1


class RungSettings(StrictModel):
    """The settings that every early stopping rule has. A rule's own settings derive from this."""

    grace_epochs: Annotated[
        float,
        yaml_key(
            "Epochs that every trial may train before it can be stopped. Parts of an epoch need "
            "training.validations_per_epoch: with 2, 0.5 is the first validation.",
            "epochs",
            gt=0,
        ),
    ] = 2

    def grace_validations(self, validations_per_epoch: int) -> int:
        """Return the number of validations in the grace epochs."""
        return round(self.grace_epochs * validations_per_epoch)

    def rungs(self, epochs: int, validations_per_epoch: int) -> tuple[int, ...]:
        """Return the validations (counted from 1) after which a trial of `epochs` epochs may be stopped.

        Each rule defines this; here it raises NotImplementedError.
        """
        raise NotImplementedError

    def split_into_brackets(self, rungs: tuple[int, ...]) -> Sequence[tuple[int, ...]]:
        """Return the rungs of each bracket. A rule without brackets has one, with all `rungs`."""
        return [rungs]

    def bracket_weight(self, rungs: tuple[int, ...]) -> float:
        """Return how many trials the bracket with these rungs gets, relative to the others."""
        return 1.0


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
        steps, step = [], self.grace_validations(validations_per_epoch)
        while 0 < step < epochs * validations_per_epoch:
            steps.append(step)
            step *= self.reduction_factor
        return tuple(steps)


class HyperbandSettings(AshaSettings):
    """Settings of Hyperband. Its first bracket has the rungs of ASHA, and each further one a grace that is longer."""

    brackets: Annotated[
        int,
        yaml_key(
            "Brackets at most. The first has all rungs, each further one begins a rung later, and the last possible "
            "one has none.",
            "brackets",
            ge=1,
        ),
    ] = 3

    def split_into_brackets(self, rungs: tuple[int, ...]) -> Sequence[tuple[int, ...]]:
        """Return the rungs of each bracket: all, all but the first, and so on, as far as they go."""
        return [rungs[first:] for first in range(min(self.brackets, len(rungs) + 1))]

    def bracket_weight(self, rungs: tuple[int, ...]) -> float:
        """Return reduction_factor^s / (s + 1) for s rungs, by which all brackets train about equally long.

        (Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", algorithm 1.)
        """
        return float(self.reduction_factor) ** len(rungs) / (len(rungs) + 1)


class PromotionSettings(AshaSettings):
    """Settings of promotion. Its rungs are those of ASHA."""


def choose_bracket(position: int, weights: Sequence[float]) -> int:
    """Return the bracket, counted from 0, of a system's trial at this position, counted from 0.

    Of every run of consecutive trials, each bracket gets about its share by `weights`. The first trial is in the first
    bracket.
    """
    ends = list(accumulate(weights))
    return min(bisect(ends, position * _TURN % 1 * ends[-1]), len(ends) - 1)


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

    With `pauses`, every trial waits at a rung until it is promoted, or can no longer be.
    """

    label: str
    description: str
    settings: type[Settings]
    needed_value: Callable[["NDArray[np.float64]", Settings], float | None]
    passing_share: Callable[[float, Settings], float] = every_trial_passes
    pauses: bool = False


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


def any_value(earlier_values: "NDArray[np.float64]", settings: RungSettings) -> None:
    """Return None: any value is enough, for a rule that pauses trials and stops them later."""


def promotion_passing_share(num_earlier: float, settings: AshaSettings) -> float:
    """Return the probability that a trial is promoted if max(1, N q) of N trials are; q is 1/reduction_factor."""

    def promoted(arrivals: float) -> float:
        return max(min(arrivals, 1.0), arrivals / settings.reduction_factor)

    return promoted(num_earlier + 1) - promoted(num_earlier)


EARLY_STOPPING: Mapping[str, EarlyStoppingRule[Any]] = {
    "asha": EarlyStoppingRule(
        label="ASHA",
        description="Stops a trial that is below most of the trials that reached the same epoch before it.",
        settings=AshaSettings,
        needed_value=asha_needed_value,
        passing_share=asha_passing_share,
    ),
    "hyperband": EarlyStoppingRule(
        label="Hyperband",
        description="ASHA in brackets that begin to stop trials at different epochs; the last may stop none.",
        settings=HyperbandSettings,
        needed_value=asha_needed_value,
        passing_share=asha_passing_share,
    ),
    "promotion": EarlyStoppingRule(
        label="promotion",
        description="Pauses every trial at a rung; the best ones of all trials there continue from their checkpoints.",
        settings=PromotionSettings,
        needed_value=any_value,
        passing_share=promotion_passing_share,
        pauses=True,
    ),
}
DEFAULT_RULE = "asha"
