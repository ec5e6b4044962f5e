"""The space that recorded settings were drawn from, as a unit cube: each hyperparameter is independent and uniform.

Ranges are those of the recorded settings. A hyperparameter with few values is a choice between them. tau has a range
of its own for raw and for cosine features, so that its coordinate is the place within that range.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Vectors = NDArray[np.float64]

LOGARITHMIC = ("learning_rate", "tau")
MAX_CHOICES = 5
_UNUSED = 0.5  # the coordinate of the range of tau that does not apply


@dataclass(frozen=True)
class Axis:
    """One hyperparameter: its `choices`, or its range for each value of normalize (None: for all of them alike)."""

    name: str
    choices: tuple[float, ...] = ()
    ranges: tuple[tuple[float | None, float, float], ...] = ()  # normalize, low, high


@dataclass(frozen=True)
class SearchedSpace:
    """The hyperparameters that vary in recorded settings, in the order of their columns."""

    axes: tuple[Axis, ...]

    @property
    def names(self) -> list[str]:
        """The names of the hyperparameters."""
        return [axis.name for axis in self.axes]

    def axis(self, name: str) -> Axis:
        """Return the axis of a hyperparameter."""
        return self.axes[self.names.index(name)]

    def to_unit(self, settings: pd.DataFrame) -> Vectors:
        """Return settings as points of the unit cube, (N, D). A choice is in the middle of its equal part."""
        normalize = settings["normalize"].to_numpy(dtype=float) if "normalize" in settings else None
        columns = [_to_unit(axis, settings[axis.name].to_numpy(dtype=float), normalize) for axis in self.axes]
        return np.column_stack(columns) if columns else np.empty((len(settings), 0))

    def features(self, points: Vectors) -> Vectors:
        """Return points of the unit cube, (N, D), as a surrogate's inputs (N, F) from 0 to 1: one per range."""
        columns: list[Vectors] = []
        for axis, column in zip(self.axes, points.T, strict=True):
            if axis.choices:
                columns.append(_choice(axis, column) / (len(axis.choices) - 1))
            elif len(axis.ranges) == 1:
                columns.append(column)
            else:
                normalize = self.normalize(points)
                columns += [np.where(normalize == value, column, _UNUSED) for value, _, _ in axis.ranges]
        return np.column_stack(columns)

    def normalize(self, points: Vectors) -> Vectors:
        """Return the value of normalize at points of the unit cube, (N,)."""
        axis, column = self.axis("normalize"), points[:, self.names.index("normalize")]
        return np.take(np.asarray(axis.choices, dtype=np.float64), _choice(axis, column).astype(np.int64))


def find_space(settings: pd.DataFrame) -> SearchedSpace:
    """Return the space of recorded settings. A hyperparameter with a single value is left out."""
    axes = []
    for name in settings.columns:
        values = settings[name].dropna().astype(float)
        choices = tuple(sorted(values.unique()))
        if 1 < len(choices) <= MAX_CHOICES and name not in LOGARITHMIC:
            axes.append(Axis(str(name), choices))
        elif len(choices) > 1:
            axes.append(Axis(str(name), ranges=_ranges(str(name), settings)))
    return SearchedSpace(tuple(axes))


def _ranges(name: str, settings: pd.DataFrame) -> tuple[tuple[float | None, float, float], ...]:
    values = settings[name].astype(float)
    if name != "tau" or "normalize" not in settings or settings["normalize"].nunique() < 2:
        return ((None, float(values.min()), float(values.max())),)
    normalize = settings["normalize"].astype(float)
    groups = ((value, values[normalize == value]) for value in sorted(normalize.unique()))
    return tuple((float(value), float(group.min()), float(group.max())) for value, group in groups)


def _choice(axis: Axis, column: Vectors) -> Vectors:
    """Return the number of the choice at each coordinate."""
    return np.minimum(np.floor(column * len(axis.choices)), len(axis.choices) - 1)


def _to_unit(axis: Axis, values: Vectors, normalize: Vectors | None) -> Vectors:
    if axis.choices:
        return (np.searchsorted(axis.choices, values) + 0.5) / len(axis.choices)
    fractions = np.full(len(values), np.nan)
    for value, low, high in axis.ranges:
        used = np.ones(len(values), dtype=bool) if value is None or normalize is None else normalize == value
        fractions[used] = fraction_of_range(values[used], low, high, axis.name)
    return fractions


def fraction_of_range(values: Vectors, low: float, high: float, name: str) -> Vectors:
    """Return where values of a hyperparameter lie in a range, from 0 to 1, on its own scale."""
    if high == low:
        return np.full(len(values), 0.5)
    if name in LOGARITHMIC:
        return np.asarray(np.log(values / low) / np.log(high / low))
    return (values - low) / (high - low)


def value_in_range(fractions: Sequence[float] | Vectors, low: float, high: float, name: str) -> Vectors:
    """Return the values at fractions of a range: the inverse of `fraction_of_range`."""
    places = np.asarray(fractions, dtype=np.float64)
    return low * (high / low) ** places if name in LOGARITHMIC else low + places * (high - low)
