"""The cost of a training, as a calibration measures it. Nothing here imports torch or numpy."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import fmean

from sweeper.training.config import TrainConfig
from sweeper.training.registry import LOSSES

_MEMORY = ("memory", "gpu_memory", "gpu_outside", "gpu_total")  # in bytes


@dataclass(frozen=True)
class TrainingCost:
    """The seconds that the parts of a training take, and what it needs of the machine.

    `start` is the time until the first batch: model, optimizer and the first, slow steps. `epoch` is the training of an
    epoch without its validations, `contrastive_epoch` the same in a first phase; `features` is the time between the two
    phases. `validation` and `checkpoint` are one of each. `score` is the scoring of a confirmed model.
    `checkpoint_processor` is the processor time of a checkpoint, `processor` the mean number of CPU cores in use
    otherwise. Memory is in bytes: resident, and torch's on the GPU. A MemoryProbe also finds what the GPU has besides
    torch's memory, and its whole memory.
    """

    start: float = 0.0
    epoch: float = 0.0
    contrastive_epoch: float = 0.0
    features: float = 0.0
    validation: float = 0.0
    checkpoint: float = 0.0
    score: float = 0.0
    processor: float = 1.0
    checkpoint_processor: float = 0.0
    memory: int = 0
    gpu_memory: int = 0
    gpu_outside: int = 0
    gpu_total: int = 0

    def seconds(self, config: TrainConfig, validations: int | None = None) -> float:
        """Return the seconds of a training up to a validation (counted from 1), by default to its end."""
        return self.start + self.computing_seconds(config, validations) + self.checkpoint * _last(config, validations)

    def processor_seconds(self, config: TrainConfig, validations: int | None = None) -> float:
        """Return the processor time of a training up to a validation, by default to its end."""
        computing = self.processor * (self.start + self.computing_seconds(config, validations))
        return computing + self.checkpoint_processor * _last(config, validations)

    def computing_seconds(self, config: TrainConfig, validations: int | None = None) -> float:
        """Return the seconds of training and validation alone, which the budget's GPU hours count."""
        per_epoch, last = config.validations_per_epoch, _last(config, validations)
        silent = config.contrastive_epochs * per_epoch if LOSSES[config.loss].has_two_phases else 0
        first, second = min(last, silent), max(0, last - silent)
        seconds = first / per_epoch * self.contrastive_epoch + second * (self.epoch / per_epoch + self.validation)
        return seconds + (self.features if silent and second else 0.0)


def mean_cost(costs: Sequence[TrainingCost]) -> TrainingCost:
    """Return the mean of several measurements of the same training; of memory, the most."""
    means = {field.name: fmean(getattr(cost, field.name) for cost in costs) for field in fields(TrainingCost)}
    memory = {name: max(getattr(cost, name) for cost in costs) for name in _MEMORY}
    return TrainingCost(**{**means, **memory})


def _last(config: TrainConfig, validations: int | None) -> int:
    return config.num_validations if validations is None else validations
