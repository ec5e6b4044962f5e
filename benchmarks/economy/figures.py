"""Tables of replays: each figure is a mean over replays, with its 95 % interval."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

DRAWS = 500  # samples of the bootstrap


def interval(values: pd.Series, draws: int = DRAWS) -> tuple[float, float, float]:
    """Return the mean of the values, and the bounds of its interval by the bootstrap. Missing values are left out."""
    sample = values.dropna()
    if not len(sample):
        return (np.nan,) * 3
    means = bootstrap_means(sample, np.random.default_rng(0), draws)
    low, high = np.percentile(means[1:], [2.5, 97.5])
    return float(means[0]), float(low), float(high)


def bootstrap_means(values: pd.Series, random: np.random.Generator, draws: int = DRAWS) -> NDArray[np.float64]:
    """Return the mean of the values, then the means of `draws` samples of them: (1 + draws,)."""
    sample = values.to_numpy(dtype=np.float64)
    means = sample[random.integers(len(sample), size=(draws, len(sample)))].mean(axis=1)
    return np.concatenate([[sample.mean()], means])


def share_interval(hits: pd.Series) -> tuple[float, float, float]:
    """Return the share of true values, and the bounds of its interval by Wilson's score."""
    bounds = stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return float(hits.mean()), float(bounds.low), float(bounds.high)


def table_lines(results: pd.DataFrame) -> Iterator[str]:
    """Yield the lines of a Markdown table: one row for each arm, number of workers and budget."""
    yield "| arm | workers | trials | epochs | regret, points | optimism, points |"
    yield "|---|---|---|---|---|---|"
    for (arm, workers, trials), group in results.groupby(["arm", "workers", "trials"], sort=False):
        regret, optimism = (format_figure(interval(group[name]), 2) for name in ("regret", "optimism"))
        spent = f"{arm} | {workers} | {trials} | {group['epochs'].mean():.0f}"
        yield f"| {spent} | {regret} | {optimism} |"


def format_figure(figure: tuple[float, float, float], digits: int) -> str:
    """Return a figure and its interval in percent, or in points of accuracy."""
    mean, low, high = (f"{100 * value:.{digits}f}" for value in figure)
    return f"{mean} ({low} to {high})"
