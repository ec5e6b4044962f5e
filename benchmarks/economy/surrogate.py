"""A surrogate of real trainings: the learning curve of any setting, from recorded curves.

A Gaussian process over settings gives the mean curve. A trial adds the deviation of a recorded training from the mean
over its seeds, as a whole curve, taken from one of the nearest recorded settings of the same system. So the noise is as
large, and hangs together over a training, as in the records near by.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.model_selection import KFold

from benchmarks.economy.rows import SETTING
from benchmarks.economy.settings import LOSSES, Setting, encode

ACCURACY = "validation/accuracy"
NEIGHBOURS = 8  # recorded settings whose deviations a trial may get
FOLDS = 8


@dataclass(frozen=True)
class Records:
    """Recorded curves: `settings` (N), their mean `curves` (N, T), and `deviations` from them by seed, (N, S, T).

    Deviations are scaled to the standard deviation of single trainings, and are empty where a setting has one seed.
    """

    settings: Sequence[Setting]
    curves: NDArray[np.float64]
    deviations: Sequence[NDArray[np.float64]]


def read_records(rows: pd.DataFrame) -> Records:
    """Return the curves in recorded rows. A training that ended early keeps its last value.

    Each seed of a training counts, also where one sweep trained a setting twice.
    """
    steps = range(1, int(rows["step"].max()) + 1)
    settings, curves, deviations = [], [], []
    for _, group in rows.groupby(list(SETTING), dropna=False, sort=False):
        by_seed = group.groupby(["sweep_seed", "seed", "step"])[ACCURACY].mean().unstack("step")
        seeds = by_seed.reindex(columns=steps).ffill(axis=1).fillna(0.0).to_numpy(dtype=np.float64)
        first = group.iloc[0]
        settings.append({name: _plain(first[name]) for name in SETTING if pd.notna(first[name])})
        curves.append(seeds.mean(axis=0))
        spread = len(seeds) / (len(seeds) - 1) if len(seeds) > 1 else 0.0
        deviations.append((seeds - curves[-1]) * np.sqrt(spread) if spread else seeds[:0])
    return Records(settings, np.array(curves), deviations)


def has_two_seeds(rows: pd.DataFrame) -> bool:
    """Return True if some setting in the rows was trained with two seeds."""
    return bool((rows.groupby(list(SETTING), dropna=False)["seed"].nunique() > 1).any())


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


class Surrogate:
    """The curves of all settings. With `nearest`, a setting has the mean curve of the nearest recorded one instead."""

    def __init__(self, records: Records, *, nearest: bool = False) -> None:
        self.records, self.nearest = records, nearest
        self.vectors = encode(records.settings)
        self.model = fit_process(self.vectors, records.curves)
        self._scale: NDArray[np.float64] = 1 / self.model.kernel_.k1.k2.length_scale  # relevance of each coordinate
        self._possible: dict[tuple[float, ...], NDArray[np.float64]] = {}

    @property
    def num_steps(self) -> int:
        """The number of validations of a whole training."""
        return int(self.records.curves.shape[1])

    def mean_curves(self, settings: Sequence[Setting]) -> NDArray[np.float64]:
        """Return mean curves, (N, T)."""
        if self.nearest:
            return self.nearest_curves(settings)
        curves = self.model.predict(encode(settings)).reshape(len(settings), -1)
        return np.asarray(np.clip(curves, 0.0, 1.0), dtype=np.float64)

    def nearest_curves(self, settings: Sequence[Setting]) -> NDArray[np.float64]:
        """Return the mean curves of the nearest recorded settings, (N, T)."""
        is_any = np.ones(len(self.vectors), dtype=np.bool_)
        return self.records.curves[[self._neighbours(vector, 1, is_any)[0] for vector in encode(settings)]]

    def possible_curves(self, setting: Setting) -> NDArray[np.float64]:
        """Return the curves that a trial of the setting may have, all equally likely: (K, T)."""
        key = tuple(encode([setting])[0])
        if key not in self._possible:
            self._possible[key] = self._with_deviations([setting])[0]
        return self._possible[key]

    def true_values(self, settings: Sequence[Setting]) -> NDArray[np.float64]:
        """Return the means over seeds of a training's best validation, (N,)."""
        return np.array([curves.max(axis=1).mean() for curves in self._with_deviations(settings)])

    def _with_deviations(self, settings: Sequence[Setting]) -> list[NDArray[np.float64]]:
        possible = []
        has_seeds = np.array([len(deviations) > 1 for deviations in self.records.deviations])
        for mean, vector in zip(self.mean_curves(settings), encode(settings), strict=True):
            near = self._neighbours(vector, NEIGHBOURS, has_seeds)
            deviations = np.concatenate([self.records.deviations[k] for k in near])
            possible.append(np.clip(mean + deviations, 0.0, 1.0))
        return possible

    def _neighbours(self, vector: NDArray[np.float64], count: int, allowed: NDArray[np.bool_]) -> list[int]:
        """Return the nearest of the allowed recorded settings of the same system.

        Distances are scaled by the lengths of the Gaussian process, so that what matters more counts more.
        """
        usable = allowed & np.all(self.vectors[:, : len(LOSSES)] == vector[: len(LOSSES)], axis=1)
        distances = np.where(usable, (((self.vectors - vector) * self._scale) ** 2).sum(axis=1), np.inf)
        return [int(k) for k in np.argsort(distances, kind="stable")[: min(count, int(usable.sum()))]]


def fit_process(vectors: NDArray[np.float64], curves: NDArray[np.float64]) -> GaussianProcessRegressor:
    """Fit a Gaussian process to curves; all validations share its kernel."""
    kernel = ConstantKernel(1.0, (0.05, 20)) * Matern(np.ones(vectors.shape[1]), (0.1, 30), nu=2.5)
    model = GaussianProcessRegressor(kernel + WhiteKernel(0.05, (1e-4, 1)), normalize_y=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # a coordinate that does not matter has a length at its bound
        model.fit(vectors, curves)
    return model


def describe_fit(records: Records) -> Mapping[str, float]:
    """Return the errors on held-out settings and the noise over seeds, for a training's best validation.

    `error` and `nearest_error` are root mean squares of the difference to the mean over seeds, by the Gaussian process
    and by the nearest recorded setting; `spread` is the standard deviation of that mean over settings, `noise` that of
    single trainings of one setting.
    """
    curves = records.curves
    predicted, nearest = np.empty_like(curves), np.empty_like(curves)
    for train, test in KFold(FOLDS, shuffle=True, random_state=0).split(curves):
        surrogate = Surrogate(_part(records, train))
        settings = [records.settings[k] for k in test]
        predicted[test], nearest[test] = surrogate.mean_curves(settings), surrogate.nearest_curves(settings)
    best = curves.max(axis=1)
    pairs = [curve + deviations for curve, deviations in zip(curves, records.deviations, strict=True)]
    variances = [np.var(seeds.max(axis=1)) for seeds in pairs if len(seeds) > 1]
    return {
        "settings": float(len(best)),
        "spread": float(best.std()),
        "error": float(np.sqrt(np.mean((predicted.max(axis=1) - best) ** 2))),
        "nearest_error": float(np.sqrt(np.mean((nearest.max(axis=1) - best) ** 2))),
        "noise": float(np.sqrt(np.mean(variances))) if variances else float("nan"),
    }


def _part(records: Records, chosen: NDArray[np.int64]) -> Records:
    return Records(
        [records.settings[k] for k in chosen], records.curves[chosen], [records.deviations[k] for k in chosen]
    )
