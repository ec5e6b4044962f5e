"""Settings of the recorded search space as vectors, and the quasi-random settings that stand for the whole space."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.record.parameters import resolve_params
from sweeper.record.quasi_random import quasi_random_values
from sweeper.search_space.sweep_spec import SweepSpec

Setting = Mapping[str, Any]

LOSSES = ("ce", "scl", "lcl")
FORMER_DEFAULT = "former default: random start"  # the arm that the others are compared with
_RANGES = {"learning_rate": (1e-5, 5e-4), "batch_size": (8, 32), "alpha": (0.05, 0.9)}
_TAU = {True: (0.05, 1.0), False: (5.0, 1000.0)}  # by `normalize`
_UNUSED = 0.5  # the coordinate of a hyperparameter that does not apply


def encode(settings: Sequence[Setting]) -> NDArray[np.float64]:
    """Return settings as vectors with coordinates from about 0 to 1: (N, 9). Ranges in a ratio have their logarithm."""
    return np.array([_encode_one(setting) for setting in settings], dtype=np.float64).reshape(len(settings), 9)


def _encode_one(setting: Setting) -> list[float]:
    coordinates = [float(setting["loss"] == loss) for loss in LOSSES]
    coordinates += [_log_fraction(setting[name], _RANGES[name]) for name in ("learning_rate", "batch_size")]
    if setting["loss"] == "ce":
        return [*coordinates, *[_UNUSED] * 4]
    low, high = _RANGES["alpha"]
    normalize = bool(setting["normalize"])
    tau = _log_fraction(setting["tau"], _TAU[normalize])
    coordinates += [(float(setting["alpha"]) - low) / (high - low), float(normalize)]
    return [*coordinates, *((tau, _UNUSED) if normalize else (_UNUSED, tau))]


def _log_fraction(value: float, limits: tuple[float, float]) -> float:
    """Return where a value lies between two limits on a logarithmic scale."""
    low, high = limits
    return math.log(float(value) / low) / math.log(high / low)


def spread_settings(spec: SweepSpec, system: int, count: int) -> list[dict[str, Any]]:
    """Return quasi-random settings of a system."""
    return [_spread_setting(spec, system, index) for index in range(count)]


def _spread_setting(spec: SweepSpec, system: int, index: int) -> dict[str, Any]:
    values = quasi_random_values(spec, system, index)
    return dict(resolve_params(spec, system, lambda parameter, _: values[parameter]))
