"""Losses of our arms to peers, data set by data set."""

from collections.abc import Iterator

import pandas as pd

from benchmarks.economy.arms import PEERS
from benchmarks.economy.ratios import Matches, Ratio, combine, shipped_budgets


def loss_lines(results: pd.DataFrame, reference: str, matches: Matches) -> Iterator[str]:
    """Yield a line for each arm of ours and each peer to which it loses on some data set, with a heading.

    Ours are the reference and the arms whose names begin with "ours".
    """
    arms = list(results["arm"].unique())
    lines: list[str] = []
    for arm in (name for name in arms if name.startswith("ours") or name == reference):
        for peer in (name for name in arms if name in PEERS and name != arm):
            epochs = ", ".join(_lost_epochs(results, matches, arm, peer))
            lines += [f"- {arm} needs more epochs than {peer}: {epochs}"] if epochs else []
    if lines:
        yield "\nWhere we lose, in bold where the intervals do not overlap:\n"
        yield from lines
    else:
        yield "\nNo arm of ours loses to a peer."


def _lost_epochs(results: pd.DataFrame, matches: Matches, arm: str, peer: str) -> Iterator[str]:
    """Yield the data sets and budgets at which an arm needs more epochs than a peer for the same regret."""
    for dataset in results["dataset"].unique():
        for trials in shipped_budgets(results):
            ours, theirs = (
                combine([match for match in matches[name, trials] if match.dataset == dataset]) for name in (arm, peer)
            )
            if _needs_more(ours, theirs):
                text = f"{dataset} with {trials} trials ({ours.mean:.2f} against {theirs.mean:.2f})"
                yield f"**{text}**" if ours.low > theirs.high else text


def _needs_more(ours: Ratio, theirs: Ratio) -> bool:
    """Return True if the first arm needs more epochs, to two digits; False if neither reaches the regret."""
    if ours.is_at_least or theirs.is_at_least:
        return ours.is_at_least and not theirs.is_at_least
    return round(ours.mean, 2) > round(theirs.mean, 2)
