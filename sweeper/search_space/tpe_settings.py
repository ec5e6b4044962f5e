"""The settings of `sampler: tpe` that a search space can change: its start, and what its systems learn from each other.

The defaults are Optuna's own. A space that does not write the key `tpe` has the fingerprint that it had before.
"""

from typing import Annotated, Literal

from sweeper.search_space.yaml_key import yaml_key
from sweeper.training.strict_model import StrictModel

_FEWEST, _MOST = 3, 10  # start trials that follow from the budget
_SHARE = 4  # one start trial in so many


class TpeSettings(StrictModel):
    """Settings of TPE. They are for `sampler: tpe` alone."""

    start: Annotated[
        Literal["random", "quasi_random"],
        yaml_key("Source of a system's first settings: chance, or one quasi-random design over all systems."),
    ] = "random"
    start_trials: Annotated[
        int | None,
        yaml_key(
            "Trials of a system that have to end before TPE learns from them. Default: 10 for random; for quasi_random "
            "a quarter of the system's share of the budget, from 3 to 10.",
            "trials",
            ge=1,
        ),
    ] = None
    siblings: Annotated[
        float,
        yaml_key("Share of a system's proposals that also learn from the trials of the other systems.", ge=0, le=1),
    ] = 0.0

    def count_start_trials(self, share: int) -> int:
        """Return the number of start trials of a system with a share of this many trials."""
        if self.start_trials is not None:
            return self.start_trials
        return _MOST if self.start == "random" else min(max(share // _SHARE, _FEWEST), _MOST)

    def borrows(self, number: int) -> bool:
        """Return True if a system's proposal `number` (from 0) learns from the other systems, too."""
        return int((number + 1) * self.siblings) > int(number * self.siblings)
