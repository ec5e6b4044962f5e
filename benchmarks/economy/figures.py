"""Tables of replays: each figure is a mean over replays, with its 95 % interval."""

import zlib
from collections.abc import Iterator, Sequence

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
    scores = sample.to_numpy(dtype=np.float64)
    means = scores[np.random.default_rng(0).integers(len(scores), size=(draws, len(scores)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(scores.mean()), float(low), float(high)


def sample_replays(results: pd.DataFrame, columns: Sequence[str], draws: int = DRAWS) -> NDArray[np.float64]:
    """Return the means of some columns over the replays of one search, then those of samples of whole replays.

    The results are those of one arm, budget and number of workers on one data set; the shape is (columns, 1 + draws).
    Sample k has the same replays on every data set, because a replay draws the same random numbers on all of them, and
    does well or badly on all. Missing values are left out.
    """
    replays = results.sort_values("replay")
    first = replays.iloc[0]
    seed = zlib.crc32(repr((str(first["arm"]), int(first["trials"]), int(first["workers"]))).encode())
    count = len(replays)
    drawn = np.random.default_rng(seed).integers(count, size=(draws, count))
    rows = np.concatenate([np.arange(count)[np.newaxis], drawn])
    return np.array([_present_means(replays[name].to_numpy(dtype=np.float64)[rows]) for name in columns])


def _present_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each row without its missing values; NaN for a row that has no other."""
    present = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(present, values, 0).sum(axis=1) / present.sum(axis=1), dtype=np.float64)


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
