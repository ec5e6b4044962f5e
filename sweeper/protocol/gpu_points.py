"""The trainings whose GPU memory is measured before a sweep, chosen from its search space."""

from itertools import islice

from sweeper.search_space.critical_configs import critical_configs
from sweeper.search_space.domains import Categorical
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.trials.gpu_memory import MEMORY_HYPERPARAMETERS, SIZES, memory_params

_MOST_SETTINGS = 20_000
_MOST_POINTS = 32


def memory_points(spec: SweepSpec, threads: int) -> list[TrainConfig]:
    """Return a training of each kind, largest batches first; of a range of batch sizes, its ends and halves of it.

    If that makes more than 32, of each encoder and loss only those with the largest batch and length are left, and 32
    of these at most. Other trainings get the share of the next larger one, or a whole GPU.
    """
    points = {
        tuple(memory_params(config).items()): config
        for system in spec.systems
        for critical in islice(critical_configs(spec, system, MEMORY_HYPERPARAMETERS, threads), _MOST_SETTINGS)
        for config in _with_halves(spec, critical)
    }
    ordered = sorted(points.values(), key=lambda config: (-config.batch_size, -config.max_length))
    if len(ordered) > _MOST_POINTS:
        ordered = _largest(ordered)[:_MOST_POINTS]
    return ordered


def _with_halves(spec: SweepSpec, config: TrainConfig) -> list[TrainConfig]:
    """Return a training, and it with half the batch and so on, as far as a range of batch sizes goes down."""
    ranges = [
        branch.domain
        for hyperparameter in spec.space.hyperparameters
        if hyperparameter.name == "batch_size"
        for branch in hyperparameter.branches
        if not isinstance(branch.domain, Categorical) and branch.domain.contains(config.batch_size)
    ]
    sizes = [config.batch_size]
    while any(domain.contains(sizes[-1] // 2) for domain in ranges):
        sizes.append(sizes[-1] // 2)
    return [config.model_copy(update={"batch_size": size}) for size in sizes]


def _largest(points: list[TrainConfig]) -> list[TrainConfig]:
    """Return, of trainings that differ only in batch and length, the first one that is the largest in both."""
    groups: dict[tuple[object, ...], list[TrainConfig]] = {}
    for config in points:
        key = tuple((name, value) for name, value in memory_params(config).items() if name not in SIZES)
        groups.setdefault(key, []).append(config)
    return [
        group[0].model_copy(update={name: max(getattr(config, name) for config in group) for name in SIZES})
        for group in groups.values()
    ]
