"""Epochs that arms need for the reference's regret, divided by what the reference spends: over several data sets.

Each data set with each number of workers is a group, and all groups count the same. Intervals of 95 % come from the
bootstrap over whole replays: sample k has the same replays of a search on every data set, because replay k draws the
same random settings on all of them. They do not say how arms would do on other data sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.economy.figures import DRAWS
from benchmarks.economy.matching import mean_epochs, sample_needed_epochs

SHIPPED = (9, 36, 48)  # trials; of three systems, quickstart.yaml gives each 3, sst2.yaml 12, sst5.yaml 16


@dataclass(frozen=True)
class Match:
    """The epochs that an arm needs for the reference's regret at one budget in one group, divided by the reference's.

    `ratios` are the ratio and its bootstrap samples, (1 + draws,). Where the arm's largest budget leaves more regret,
    they are infinite, and `most` is the ratio of that budget. `is_least` says that the smallest budget is enough.
    """

    dataset: str
    ratios: NDArray[np.float64]
    most: float
    is_least: bool


@dataclass(frozen=True)
class Ratio:
    """A geometric mean of ratios, and the bounds of its interval.

    It is at least so much if some group's largest budget is not enough, and at most so much if some group's smallest
    budget is enough.
    """

    mean: float
    low: float
    high: float
    is_at_least: bool
    is_at_most: bool

    def __str__(self) -> str:
        bound = {(True, False): "at least ", (False, True): "at most ", (True, True): "about "}
        high = "more" if np.isinf(self.high) else f"{self.high:.2f}"
        return f"{bound.get((self.is_at_least, self.is_at_most), '')}{self.mean:.2f} ({self.low:.2f} to {high})"


Matches = Mapping[tuple[str, int], Sequence[Match]]  # of each arm and budget: one for each group


def combine(matches: Sequence[Match]) -> Ratio:
    """Return the geometric mean over groups."""
    limited = np.array([np.minimum(match.ratios, match.most) for match in matches])  # (G, 1 + draws)
    is_open = np.isinf(np.array([match.ratios for match in matches])).any(axis=0)
    means = np.exp(np.log(limited).mean(axis=0))
    low = float(np.quantile(means[1:], 0.025))
    high = float(np.quantile(np.where(is_open, np.inf, means)[1:], 0.975, method="nearest"))
    return Ratio(float(means[0]), low, high, bool(is_open[0]), any(match.is_least for match in matches))


def match_arms(results: pd.DataFrame, reference: str, draws: int = DRAWS) -> Matches:
    """Return the matches of all arms at the shipped budgets that were replayed. The reference's own ratio is 1."""
    matches: dict[tuple[str, int], list[Match]] = {}
    for (dataset, _), group in results.groupby(["dataset", "workers"], sort=False):
        reference_epochs = mean_epochs(group, reference)
        for arm in group["arm"].unique():
            spent = mean_epochs(group, arm)
            for trials in shipped_budgets(results):
                base = reference_epochs[trials]
                if arm == reference:
                    match = Match(str(dataset), np.ones(1 + draws), spent.max() / base, is_least=False)
                else:
                    needed = sample_needed_epochs(group, arm, reference, trials, draws)
                    match = Match(str(dataset), needed / base, spent.max() / base, bool(needed[0] <= spent.min()))
                matches.setdefault((arm, trials), []).append(match)
    return matches


def shipped_budgets(results: pd.DataFrame) -> list[int]:
    """Return the shipped budgets that were replayed."""
    replayed = set(results["trials"].unique())
    return [trials for trials in SHIPPED if trials in replayed]
