"""The disk that a sweep's checkpoints need, from the data and encoders that are loaded."""

from collections.abc import Collection, Mapping
from pathlib import Path

from sweeper.errors import UsageError
from sweeper.protocol.disk_need import certain_disk_need, disk_need, trainings_left
from sweeper.protocol.results import results_of_study
from sweeper.search_space.critical_configs import critical_configs
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.free_space import free_bytes
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal.sweeps_table import format_bytes
from sweeper.training.config import TrainConfig
from sweeper.training.registry import AVERAGES, LOSSES
from sweeper.training.types import TrainingData
from sweeper.trials.interfaces import Study

_SIZES = (
    "encoder", "loss", "weighting", "pooling", "classifier", "max_length", "hidden_size", "embedding_size",
    "vocabulary", "average", "epochs", "memory", "lora",
)  # fmt: skip


def checkpoint_disk(
    spec: SweepSpec, data: Mapping[str, TrainingData], slots: int, left: int | None = None
) -> tuple[int, int]:
    """Return the bytes that checkpoints take at most, and those that they take for certain.

    `left` are the trainings that are still to be done where the search is over, which lowers what is certain.
    """
    from sweeper.training.parameter_count import count_parameters, feature_width

    largest, smallest, besides = [], [], []
    for system in range(len(spec.systems)):
        configs = _sizes_of_model(spec, system)
        counts = [count_parameters(config, data[config.encoder]) for config in configs]
        largest.append(max(counts))
        smallest.append(min(counts))
        widths = [feature_width(config, data[config.encoder]) for config in configs]
        besides.append(max(map(_numbers_besides, configs, counts, widths)))
    return disk_need(spec, largest, slots, besides), certain_disk_need(spec, smallest, slots, left)


def _numbers_besides(config: TrainConfig, parameters: int, feature_width: int) -> int:
    """Return the numbers that the last checkpoint of a training holds for its average and its memory."""
    average, has_memory = AVERAGES[config.average], LOSSES[config.loss].contrastive_term is not None
    copies = average.copies + average.copies_per_validation * config.epochs * config.validations_per_epoch
    return copies * parameters + (config.memory * feature_width if has_memory else 0)


def _sizes_of_model(spec: SweepSpec, system: int) -> Collection[TrainConfig]:
    """Return a config for each size of model that a system can have; of a range, its ends."""
    configs = critical_configs(spec, spec.systems[system], _SIZES)
    return {tuple(getattr(config, name) for name in _SIZES): config for config in configs}.values()


def free_for_sweep(sweeps: Path, folder: SweepFolder | None) -> int:
    """Return the bytes that are free for a sweep's checkpoints in the folder of the sweeps.

    Those that an earlier command left in the sweep's own folder count as free: they are replaced.
    """
    present = () if folder is None else folder.path.glob("trials/*/*.pt")
    return free_bytes(sweeps) + sum(path.stat().st_size for path in present)


def require_disk_left(
    sweeps: Path, folder: SweepFolder, spec: SweepSpec, study: Study, data: Mapping[str, TrainingData], slots: int
) -> None:
    """Raise UsageError if the disk certainly has too little free space for the checkpoints that are still to come."""
    free = free_for_sweep(sweeps, folder)
    if free >= checkpoint_disk(spec, data, slots)[1]:
        return
    left = trainings_left(spec, study.all_trials(), results_of_study(spec, folder, study))
    problem = disk_problem(sweeps, free, checkpoint_disk(spec, data, slots, left)[1])
    if problem is not None:
        raise UsageError(problem)


def require_disk(sweeps: Path, folder: SweepFolder | None, certain: int, *, is_remote: bool) -> None:
    """Raise UsageError if the disk certainly has too little free space for a sweep's checkpoints.

    A cluster's are on its nodes.
    """
    problem = disk_problem(sweeps, free_for_sweep(sweeps, folder), certain)
    if problem is not None and not is_remote:
        raise UsageError(problem)


def disk_problem(sweeps: Path, free: int, certain: int) -> str | None:
    """Return the message on a disk with fewer free bytes than checkpoints take for certain, or None."""
    if free >= certain:
        return None
    return (
        f"--sweeps: {sweeps} has {format_bytes(free)} free, but the checkpoints take at least {format_bytes(certain)}; "
        "free some space, or name another folder"
    )
