"""Epochs that an arm needs to leave no more regret than a reference arm does, with 95 % intervals."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.economy.figures import DRAWS, sample_replays


@dataclass(frozen=True)
class Needed:
    """Epochs that are needed, and the bounds of their interval. Infinity: more than the largest budget, `most`.

    At the smallest budget, `least`, they may be fewer.
    """

    epochs: float
    low: float
    high: float
    least: float
    most: float

    def __str__(self) -> str:
        if np.isinf(self.epochs):
            return f"more than {self.most:.0f}"
        at_most = "at most " if self.epochs <= self.least else ""
        high = "more" if np.isinf(self.high) else f"{self.high:.0f}"
        return f"{at_most}{self.epochs:.0f} ({self.low:.0f} to {high})"


def epochs_to_match(
    epochs: NDArray[np.float64], regrets: NDArray[np.float64], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the epochs after which an arm has at most these regrets (K,); infinity where it never has.

    `epochs` and `regrets` (B, K) are means by budget, in each of K samples. Between two budgets, regret is taken to be
    linear in the logarithm of the epochs.
    """
    order = np.argsort(epochs, axis=0)
    spent = np.take_along_axis(epochs, order, axis=0)
    lowest = np.minimum.accumulate(np.take_along_axis(regrets, order, axis=0), axis=0)
    is_reached = lowest <= targets
    after = is_reached.argmax(axis=0)  # the first budget that is enough
    samples, before = np.arange(len(targets)), np.maximum(after - 1, 0)
    gains = lowest[before, samples] - lowest[after, samples]  # above 0 where `before` is another budget
    shares = (lowest[before, samples] - targets) / np.where(after > 0, gains, 1)
    logs = np.log(spent)
    between = np.exp(logs[before, samples] + shares * (logs[after, samples] - logs[before, samples]))
    needed = np.where(after > 0, between, spent[0])
    return np.asarray(np.where(is_reached.any(axis=0), needed, np.inf), dtype=np.float64)


def needed_epochs(results: pd.DataFrame, arm: str, reference: str, trials: int, draws: int = DRAWS) -> Needed:
    """Return the epochs that an arm needs for the regret of the reference with a budget of `trials`.

    The interval comes from the bootstrap over the replays of both.
    """
    needed = sample_needed_epochs(results, arm, reference, trials, draws)
    low, high = np.quantile(needed[1:], [0.025, 0.975], method="nearest")
    spent = mean_epochs(results, arm)
    return Needed(float(needed[0]), float(low), float(high), float(spent.min()), float(spent.max()))


def sample_needed_epochs(
    results: pd.DataFrame, arm: str, reference: str, trials: int, draws: int = DRAWS
) -> NDArray[np.float64]:
    """Return the epochs that an arm needs for the reference's regret, then those in samples of the replays.

    The shape is (1 + draws,). Infinity: more than the largest budget.
    """
    budgets = [group for _, group in results[results["arm"] == arm].groupby("trials")]
    sampled = np.array([sample_replays(group, ["epochs", "regret"], draws) for group in budgets])  # (B, 2, 1 + draws)
    epochs, regrets = sampled[:, 0], sampled[:, 1]
    is_target = (results["arm"] == reference) & (results["trials"] == trials)
    (targets,) = sample_replays(results[is_target], ["regret"], draws)
    return epochs_to_match(epochs, regrets, targets)


def mean_epochs(results: pd.DataFrame, arm: str) -> pd.Series:
    """Return the mean epochs that an arm spends, by budget."""
    return results[results["arm"] == arm].groupby("trials")["epochs"].mean()


def match_lines(results: pd.DataFrame, reference: str) -> Iterator[str]:
    """Yield the lines of one table for each number of workers: the epochs that each arm needs for the same regret.

    They are in bold where an arm needs fewer epochs than the reference: there the reference loses.
    """
    for workers, group in results.groupby("workers"):
        means = mean_epochs(group, reference)
        yield f"\n| arm; workers: {workers} | " + " | ".join(f"{epochs:.0f} epochs" for epochs in means) + " |"
        yield "|---|" + "---|" * len(means)
        for arm in group["arm"].unique():
            if arm != reference:
                cells = [_match_cell(group, arm, reference, int(trials), epochs) for trials, epochs in means.items()]
                yield f"| {arm} | {' | '.join(cells)} |"


def _match_cell(results: pd.DataFrame, arm: str, reference: str, trials: int, epochs: float) -> str:
    needed = needed_epochs(results, arm, reference, trials)
    return f"**{needed}**" if needed.epochs < epochs else str(needed)
