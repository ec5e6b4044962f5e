"""The trainings at the critical values of some hyperparameters: the most and the least that a search space asks for."""

from collections.abc import Iterable, Iterator

from sweeper.search_space.space import Params
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig


def critical_configs(spec: SweepSpec, system: Params, names: Iterable[str], threads: int = 1) -> Iterator[TrainConfig]:
    """Yield a config of a system for each combination of the values of these hyperparameters; of a range, its ends.

    Those on which they depend are combined too, so several configs may have the same values of `names`.
    """
    space = spec.space.critical_values()
    for setting in space.enumerate_settings(space.with_ancestors(names) - system.keys(), system):
        yield spec.train_config({**system, **setting}, seed=0, threads=threads)
