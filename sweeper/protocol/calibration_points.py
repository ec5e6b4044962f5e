"""The trainings that a plan times, chosen from a search space, and the one of them that stands for a setting."""

import itertools
import math
import operator
from collections.abc import Callable, Sequence

from sweeper.search_space.critical_configs import critical_configs
from sweeper.search_space.space import Params
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig

KEY = ("encoder", "loss", "batch_size")
_OTHERS = (  # hyperparameters besides KEY that change the time or the memory of a step
    "max_length", "views", "consistency", "weighting", "precision", "pooling", "classifier", "hidden_size",
    "embedding_size", "vocabulary", "freeze_embeddings", "lora", "accumulate", "average", "memory",
    "gradient_cache",
)  # fmt: skip
_read_costs: Callable[[TrainConfig], tuple[object, ...]] = operator.attrgetter(*KEY, *_OTHERS)
_MOST_SETTINGS = 20_000
_MOST_POINTS = 24
_OFF = 10.0  # the distance between a number that is 0, such as the rank of no adapter, and any other


def calibration_points(spec: SweepSpec, threads: int) -> list[TrainConfig]:
    """Return a training for each encoder, loss and batch size; of a range of batch sizes, its ends.

    Of another hyperparameter that changes the time of a step, each value is timed too, or each end of a range. If that
    makes more than 24 trainings, these values take turns instead.
    """
    by_key: dict[tuple[object, ...], list[TrainConfig]] = {}
    every: dict[tuple[object, ...], TrainConfig] = {}
    for system in spec.systems:
        configs = critical_configs(spec, system, (*KEY, *_OTHERS), threads)
        for config in itertools.islice(configs, _MOST_SETTINGS):
            by_key.setdefault(tuple(getattr(config, name) for name in KEY), []).append(config)
            every.setdefault(cost_key(config), config)
    if len(every) <= _MOST_POINTS:
        return list(every.values())
    groups = list(by_key.values())
    return [group[len(group) * k // len(groups)] for k, group in enumerate(_thinned(groups))]


def _thinned(groups: Sequence[list[TrainConfig]]) -> list[list[TrainConfig]]:
    """Return at most 24 of the groups, evenly spread; each encoder and loss keeps one."""
    if len(groups) <= _MOST_POINTS:
        return list(groups)
    kept = {math.floor(k * len(groups) / _MOST_POINTS) for k in range(_MOST_POINTS)}
    pairs: set[tuple[str, str]] = set()
    for index, group in enumerate(groups):
        pair = group[0].encoder, group[0].loss
        if pair not in pairs:
            kept.add(index)
            pairs.add(pair)
    return [groups[index] for index in sorted(kept)]


def cost_key(config: TrainConfig) -> tuple[object, ...]:
    """Return what changes the time of a step. Trainings with equal keys take equally long between two validations."""
    return _read_costs(config)


def nearest_point(config: TrainConfig, points: Sequence[TrainConfig]) -> int:
    """Return the index of the point that is most like a training in what changes the time of a step."""
    return min(range(len(points)), key=lambda index: _distance(config, points[index]))


def _distance(config: TrainConfig, point: TrainConfig) -> float:
    values, others = dict(config), dict(point)
    apart = sum(_difference(values[name], others[name]) for name in (*KEY[2:], *_OTHERS))
    return apart + 1000 * (config.encoder != point.encoder) + 100 * (config.loss != point.loss)


def _difference(a: object, b: object) -> float:
    """Return how far two values are apart: numbers by their ratio, others by being different."""
    if isinstance(a, int) and isinstance(b, int) and not isinstance(a, bool):
        return abs(math.log(a / b)) if a and b else _OFF * (a != b)
    return float(a != b)


def describe_point(config: TrainConfig, points: Sequence[TrainConfig]) -> Params:
    """Return what a training was timed with: encoder, loss, batch size, and the others in which the points differ."""
    differing = [name for name in _OTHERS if len({getattr(point, name) for point in points}) > 1]
    return {name: getattr(config, name) for name in (*KEY, *differing)}
