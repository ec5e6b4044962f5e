"""The trainings of one loss on one data set: each setting with its mean over seeds, and the variance between seeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.economy.rows import REMEDY, SETTING, read_origin, read_rows
from benchmarks.economy.settings import LOSSES
from benchmarks.economy.surrogate import ACCURACY
from sweeper.errors import UsageError

HYPERPARAMETERS = ("learning_rate", "batch_size", "alpha", "normalize", "tau")
_COLUMNS = (*SETTING, "sweep", "trial", "seed", "outcome", ACCURACY)
_NOT_OF_SETTING = ("failed", "out_of_memory")  # these say more about the machine than about the setting


@dataclass(frozen=True)
class Trainings:
    """The recorded settings of a loss, (N) rows, and their `scores` (N,): means over seeds of the best validation.

    `seeds` (N,) are the numbers of trainings of each setting. `variances` (N,) are those of single trainings over
    seeds, NaN where a setting has one. `outcomes` counts how trainings ended, those left out included.
    """

    dataset: str
    loss: str
    settings: pd.DataFrame
    scores: NDArray[np.float64]
    seeds: NDArray[np.int64]
    variances: NDArray[np.float64]
    outcomes: Mapping[str, int]

    @property
    def has_noise(self) -> bool:
        """True if some setting was trained with two seeds."""
        return bool(np.isfinite(self.variances).any())

    def noise(self, chosen: NDArray[np.int64] | None = None) -> float:
        """Return the variance of single trainings over seeds, or NaN if none of the `chosen` settings shows it."""
        variances = self.variances if chosen is None else self.variances[chosen]
        measured = variances[np.isfinite(variances)]
        return float(measured.mean()) if len(measured) else float("nan")

    def total_variance(self, chosen: NDArray[np.int64] | None = None) -> float:
        """Return the variance of single trainings, over settings and seeds together.

        The mean over S seeds has lost 1 - 1/S of the variance between seeds, which is added here.
        """
        scores, seeds = (self.scores, self.seeds) if chosen is None else (self.scores[chosen], self.seeds[chosen])
        lost = float(np.mean(1 - 1 / seeds)) if len(seeds) else 0.0
        return float(np.var(scores, ddof=1)) + (lost * self.noise(chosen) if lost else 0.0)


def read_trainings(path: Path) -> tuple[list[Trainings], Sequence[Mapping[str, Any]]]:
    """Return the trainings of each loss in a file of rows, named by its data set, and the sweeps that made it.

    Raises UsageError if the file does not exist, or holds no such rows.
    """
    rows, origin = read_rows(path), read_origin(path)
    missing = [name for name in _COLUMNS if name not in rows.columns]
    if missing:
        raise UsageError(f"{path}: has no column {missing[0]}; {REMEDY}")
    return list(split_by_loss(path.stem, rows)), origin


def split_by_loss(dataset: str, rows: pd.DataFrame) -> Iterator[Trainings]:
    """Yield the trainings of each loss that has rows."""
    for loss in LOSSES:
        of_loss = rows[rows["loss"] == loss]
        ends = of_loss.drop_duplicates(["sweep", "trial"])["outcome"].value_counts()
        usable = of_loss[~of_loss["outcome"].isin(_NOT_OF_SETTING)].dropna(subset=[ACCURACY])
        if len(usable):
            outcomes = {str(name): int(count) for name, count in ends.items()}
            yield _summarize(dataset, loss, usable, outcomes)


def _summarize(dataset: str, loss: str, rows: pd.DataFrame, outcomes: Mapping[str, int]) -> Trainings:
    of_setting = [name for name in HYPERPARAMETERS if rows[name].notna().any()]
    best = rows.groupby([*of_setting, "seed"], dropna=False)[ACCURACY].max()
    by_setting = best.groupby(level=of_setting, dropna=False).agg(["mean", "count", "var"]).reset_index()
    return Trainings(
        dataset,
        loss,
        by_setting[of_setting],
        by_setting["mean"].to_numpy(dtype=np.float64),
        by_setting["count"].to_numpy(dtype=np.int64),
        by_setting["var"].to_numpy(dtype=np.float64),
        outcomes,
    )
