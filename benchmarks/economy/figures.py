"""Tables of replays: each figure is a mean over replays, with a 95 % interval by the bootstrap over replays."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

DRAWS = 2000
FIGURES = {"regret": "regret", "is_order_right": "right order", "optimism": "optimism"}


def interval(values: pd.Series, draws: int = DRAWS) -> tuple[float, float, float]:
    """Return the mean of the values, and the bounds of its 95 % interval."""
    sample = values.dropna().to_numpy(dtype=np.float64)
    if not len(sample):
        return (np.nan,) * 3
    random = np.random.default_rng(0)
    means = sample[random.integers(len(sample), size=(draws, len(sample)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(sample.mean()), float(low), float(high)


def table_lines(results: pd.DataFrame) -> Iterator[str]:
    """Yield the lines of a Markdown table: one row for each arm, number of workers and budget, in percent."""
    yield "| arm | workers | trials | epochs | regret, points | right order, % | optimism, points |"
    yield "|---|---|---|---|---|---|---|"
    for (arm, workers, trials), group in results.groupby(["arm", "workers", "trials"], sort=False):
        cells = [_cell(group[name]) for name in FIGURES]
        yield f"| {arm} | {workers} | {trials} | {group['epochs'].mean():.0f} | {' | '.join(cells)} |"


def _cell(values: pd.Series) -> str:
    mean, low, high = (100 * value for value in interval(values.astype(float)))
    return f"{mean:.2f} ({low:.2f} to {high:.2f})"


def epochs_to_match(results: pd.DataFrame, arm: str, target: float) -> float:
    """Return the mean epochs after which an arm has at most this regret; infinity if it never has.

    Between two budgets, regret is taken to be linear in the logarithm of the epochs.
    """
    means = results[results["arm"] == arm].groupby("trials")[["epochs", "regret"]].mean().sort_values("epochs")
    epochs, regrets = np.log(means["epochs"].to_numpy()), np.minimum.accumulate(means["regret"].to_numpy())
    reached = np.flatnonzero(regrets <= target)
    if not len(reached):
        return float("inf")
    k = int(reached[0])
    if k == 0:
        return float(means["epochs"].iloc[0])
    share = (regrets[k - 1] - target) / (regrets[k - 1] - regrets[k])
    return float(np.exp(epochs[k - 1] + share * (epochs[k] - epochs[k - 1])))


def match_lines(results: pd.DataFrame, reference: str) -> Iterator[str]:
    """Yield the lines of a table: epochs that each arm needs for the regret of the reference at each of its budgets.

    "at most" marks an arm that has this regret with the smallest budget already, "more than" one that never has it.
    """
    for workers, group in results.groupby("workers"):
        means = group[group["arm"] == reference].groupby("trials")[["epochs", "regret"]].mean()
        yield (
            f"\n| arm, {workers} workers | "
            + " | ".join(f"{row.epochs:.0f} epochs" for row in means.itertuples())
            + " |"
        )
        yield "|---|" + "---|" * len(means)
        for arm in group["arm"].unique():
            yield f"| {arm} | " + " | ".join(_match(group, arm, row.regret) for row in means.itertuples()) + " |"


def _match(results: pd.DataFrame, arm: str, target: float) -> str:
    epochs = results[results["arm"] == arm].groupby("trials")["epochs"].mean()
    needed = epochs_to_match(results, arm, target)
    if needed == float("inf"):
        return f"more than {epochs.max():.0f}"
    return f"at most {needed:.0f}" if needed <= epochs.min() else f"{needed:.0f}"
