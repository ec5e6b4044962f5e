"""The learning rate of each update, and the number of updates before a validation."""

import math

from sweeper.training.config import TrainConfig
from sweeper.training.named_function import load_function
from sweeper.training.phases import training_phases
from sweeper.training.registry import SCHEDULES


def learning_rate_of_update(config: TrainConfig, peak: float, update: int, num_updates: int) -> float:
    """Return the learning rate of an update (from 0): linear up to the peak in the warm-up, then as scheduled."""
    warmup_updates = round(config.warmup * num_updates)
    if update < warmup_updates:
        return peak * (update / warmup_updates)
    factor: float = load_function(SCHEDULES[config.schedule].function)(
        num_updates - update, num_updates - warmup_updates
    )
    return peak * factor


def linear(remaining: int, total: int) -> float:
    """Return the share of the peak with `remaining` of `total` updates to make: it falls evenly to 0."""
    return remaining / total


def cosine(remaining: int, total: int) -> float:
    """Return the share of the peak: half a cosine wave down to 0 (Loshchilov & Hutter 2017, SGDR, equation 5)."""
    return (1 - math.cos(math.pi * remaining / total)) / 2


def constant(remaining: int, total: int) -> float:
    """Return the share of the peak: always 1."""
    return 1.0


def encoder_learning_rates(config: TrainConfig, num_texts: int, step: int) -> list[float]:
    """Return the learning rates of the encoder's updates before validation number `step` (from 1).

    `num_texts` is the size of the training split. Only the first phase of a training changes the encoder.
    """
    phase = training_phases(config)[0]
    batches_per_epoch = math.ceil(num_texts / config.batch_size)
    updates_per_epoch = math.ceil(batches_per_epoch / config.accumulate)
    epochs, validations = divmod(step, config.validations_per_epoch)
    batches = batches_per_epoch * validations // config.validations_per_epoch  # of the epoch that is not complete
    num_updates = updates_per_epoch * phase.epochs
    completed = min(updates_per_epoch * epochs + batches // config.accumulate, num_updates)
    peak = phase.peak_learning_rate
    return [learning_rate_of_update(config, peak, update, num_updates) for update in range(completed)]
