"""One table over all data sets and numbers of workers: each arm against the reference, at the shipped budgets.

Groups and intervals are those of ratios.py.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.economy.figures import format_figure, sample_replays
from benchmarks.economy.losses import loss_lines
from benchmarks.economy.ratios import combine, match_arms, shipped_budgets

LEGEND = """
Epochs: those that an arm needs for the regret of {reference} with so many trials, divided by those that this takes;
the geometric mean over data sets and numbers of workers. At least: somewhere, the arm's largest budget leaves more
regret. At most: somewhere, its smallest budget is enough. About: both. Regret and optimism are in points, at equal
trials. Regret counts from the best recorded settings. Optimism is the mean over these budgets."""


def summary_lines(results: pd.DataFrame, reference: str) -> Iterator[str]:
    """Yield the lines of the summary: the table, what it shows, and where an arm of ours loses to a peer."""
    budgets, matches = shipped_budgets(results), match_arms(results, reference)
    heads = [f"{kind}, {trials} trials" for kind in ("epochs", "regret") for trials in budgets]
    yield "| " + " | ".join(["arm", *heads, "optimism"]) + " |"
    yield "|---" * (len(heads) + 2) + "|"
    for arm in results["arm"].unique():
        of_arm = results[results["arm"] == arm]
        ratios = ["1" if arm == reference else str(combine(matches[arm, trials])) for trials in budgets]
        regrets = [_mean_figure(of_arm[of_arm["trials"] == trials], "regret") for trials in budgets]
        of_budgets = of_arm[of_arm["trials"].isin(budgets)]
        yield f"| {' | '.join([arm, *ratios, *regrets, _mean_figure(of_budgets, 'optimism')])} |"
    yield LEGEND.format(reference=reference)
    yield from loss_lines(results, reference, matches)


def _mean_figure(results: pd.DataFrame, column: str) -> str:
    """Return the mean of a column over all groups and budgets, with its interval, in points."""
    groups = (group for _, group in results.groupby(["dataset", "workers", "trials"]))
    sampled = np.array([sample_replays(group, [column])[0] for group in groups if group[column].notna().any()])
    means = np.nanmean(sampled, axis=0)
    low, high = np.quantile(means[1:], [0.025, 0.975])
    return format_figure((float(means[0]), float(low), float(high)), 2)
