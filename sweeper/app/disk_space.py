"""The disk that a sweep's checkpoints need, from the data and encoders that are loaded."""

from collections.abc import Collection, Mapping
from contextlib import closing
from pathlib import Path

from sweeper.app.open_study import read_study
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

_SIZES = (
    "encoder", "loss", "weighting", "pooling", "classifier", "max_length", "hidden_size", "embedding_size",
    "vocabulary", "average", "epochs", "memory", "lora",
)  # fmt: skip


def checkpoint_disk(
    spec: SweepSpec, data: Mapping[str, TrainingData], slots: int, trainings: int | None = None
) -> tuple[int, int]:
    """Return the bytes that checkpoints take at most, and those that they take for certain.

    `trainings` is the number of those still to come, by default that of the search. Fewer lower what is certain.
    """
    from sweeper.training.parameter_count import count_parameters, feature_width

    largest_models, smallest_models, extra_numbers = [], [], []
    for system in range(len(spec.systems)):
        configs = _sizes_of_model(spec, system)
        parameters = [count_parameters(config, data[config.encoder]) for config in configs]
        largest_models.append(max(parameters))
        smallest_models.append(min(parameters))
        widths = [feature_width(config, data[config.encoder]) for config in configs]
        extra_numbers.append(max(map(_count_extra_numbers, configs, parameters, widths)))
    most = disk_need(spec, largest_models, slots, extra_numbers)
    return most, certain_disk_need(spec, smallest_models, slots, trainings)


def _count_extra_numbers(config: TrainConfig, parameters: int, feature_width: int) -> int:
    """Return how many numbers the last checkpoint of a training has for its average and its memory."""
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


def require_disk(
    sweeps: Path, folder: SweepFolder | None, spec: SweepSpec, data: Mapping[str, TrainingData], slots: int
) -> None:
    """Raise UsageError if the disk certainly has too little free space for the checkpoints that are still to come."""
    problem = disk_problem(sweeps, folder, spec, data, slots)
    if problem is not None:
        raise UsageError(problem)


def disk_problem(
    sweeps: Path, folder: SweepFolder | None, spec: SweepSpec, data: Mapping[str, TrainingData], slots: int
) -> str | None:
    """Return the message on a disk with certainly too little space for the checkpoints still to come, or None.

    `folder` is that of a sweep that has begun. Its record is read only if the checkpoints of a new sweep do not fit.
    """
    free = free_for_sweep(sweeps, folder)
    _, certain = checkpoint_disk(spec, data, slots)
    if free < certain and folder is not None:
        _, certain = checkpoint_disk(spec, data, slots, count_remaining_trainings(folder, spec))
    if free >= certain:
        return None
    return (
        f"--sweeps: {sweeps} has {format_bytes(free)} free, but the checkpoints take at least {format_bytes(certain)}; "
        "free some space, or name another folder"
    )


def count_remaining_trainings(folder: SweepFolder, spec: SweepSpec) -> int | None:
    """Return how many trainings with fresh seeds a sweep still has to do; None while its search is not over.

    Raises UsageError or RecordError if its record cannot be read.
    """
    with closing(read_study(folder, spec)) as study:
        return trainings_left(spec, study.all_trials(), results_of_study(spec, folder, study))
