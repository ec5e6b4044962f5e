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
