"""Recorded trials of one data set as an earlier sweep that a search of another data set learns from."""

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
