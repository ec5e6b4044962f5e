"""The disk that a sweep's checkpoints need, from the data and encoders that are loaded."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from sweeper.protocol.disk_need import certain_disk_need, disk_need
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.free_space import free_bytes, require_space
from sweeper.training.config import TrainConfig
from sweeper.training.types import TrainingData

_SIZES = ("encoder", "loss", "weighting", "pooling", "classifier", "max_length", "hidden_size", "embedding_size",
          "vocabulary")  # fmt: skip


def checkpoint_disk(spec: SweepSpec, data: Mapping[str, TrainingData], slots: int) -> tuple[int, int]:
    """Return the bytes that checkpoints take at most, and those that they take for certain."""
    from sweeper.training.parameter_count import count_parameters

    largest, smallest = [], []
    for system in range(len(spec.systems)):
        counts = [count_parameters(config, data[config.encoder]) for config in _configs(spec, system)]
        largest.append(max(counts))
        smallest.append(min(counts))
    return disk_need(spec, largest, slots), certain_disk_need(spec, smallest, slots)


def _configs(spec: SweepSpec, system: int) -> Iterator[TrainConfig]:
    """Yield a config for each size of model that a system can have; of a range, its ends."""
    space, params = spec.space.critical_values(), spec.systems[system]
    names = space.with_ancestors(_SIZES) - params.keys()
    seen = set()
    for setting in space.enumerate_settings(names, params):
        config = spec.train_config({**params, **setting}, seed=0, threads=1)
        key = tuple(getattr(config, name) for name in _SIZES)
        if key not in seen:
            seen.add(key)
            yield config


def require_disk(folder: Path, certain: int, is_remote: bool) -> None:
    """Raise UsageError if the disk of a sweep's folder certainly has too little free space for its checkpoints.

    Checkpoints that an earlier command left there count as free: they are replaced. A cluster's are on its nodes.
    """
    if not is_remote:
        present = sum(path.stat().st_size for path in folder.glob("trials/*/*.pt"))
        require_space(folder, free_bytes(folder) + present, certain)
