"""Recorded trials of other data sets as earlier sweeps, and the settings that were good in all of these."""

from collections.abc import Sequence

import pandas as pd

from benchmarks.economy.record import SPACE
from benchmarks.economy.rows import SETTING
from benchmarks.economy.settings import Setting
from benchmarks.economy.surrogate import ACCURACY
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.yaml_file import load_yaml
from sweeper.trials.borrowed import BorrowedTrial, BorrowedTrials

TRIALS = 48  # of the earlier sweep: the largest shipped budget


def earlier_sweep(dataset: str, rows: pd.DataFrame, trials: int = TRIALS) -> BorrowedTrials:
    """Return the first `trials` recorded trials of a data set, as many of each system. All of them completed."""
    first, systems = rows[rows["sweep_seed"] == 0], parse_spec(load_yaml(SPACE)).systems
    borrowed = []
    for system in systems:
        curves = first[first["loss"] == system["loss"]].groupby(["trial", "seed"], sort=True)
        chosen = list(curves)[: trials // len(systems)]
        borrowed += [_borrowed(system, number, curve) for (number, _), curve in chosen]
    return BorrowedTrials(
        sweep=dataset,
        id=dataset,
        dataset=dataset,
        validation=dataset,
        same_dataset=False,
        ended=len(borrowed),
        outside=0,
        of_other_systems=0,
        left_out=(),
        trials=borrowed,
    )


def _borrowed(system: Setting, number: int, curve: pd.DataFrame) -> BorrowedTrial:
    setting = curve.iloc[0][list(SETTING)].dropna().to_dict()
    reports = {int(step): float(value) for step, value in zip(curve["step"], curve[ACCURACY], strict=True)}
    return BorrowedTrial(number, system, {**system, **setting}, max(reports.values()), reports)


def good_settings(earlier: Sequence[BorrowedTrials]) -> list[Setting]:
    """Return for each system the setting with the best mean score, of those that all earlier sweeps have tried.

    Scores are standardised within each system of each sweep. Without earlier sweeps, there are none.
    """
    if not earlier:
        return []
    rows = [
        (sweep.id, trial.system["loss"], _setting(trial), trial.score) for sweep in earlier for trial in sweep.trials
    ]
    trials = pd.DataFrame(rows, columns=["sweep", "loss", "setting", "score"])
    scores = trials.groupby(["sweep", "loss"])["score"]
    trials["score"] = (trials["score"] - scores.transform("mean")) / scores.transform("std")
    settings = trials.groupby(["loss", "setting"])["score"].agg(["mean", "size"]).reset_index()
    tried = settings[settings["size"] == len(earlier)]
    best = tried.loc[tried.groupby("loss")["mean"].idxmax()]
    return [dict(setting) for setting in best["setting"]]


def _setting(trial: BorrowedTrial) -> tuple[tuple[str, object], ...]:
    return tuple((name, trial.values[name]) for name in SETTING if name in trial.values)
