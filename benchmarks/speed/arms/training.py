"""A trial of sweeper: the trainer that `sweeper run` starts on a worker."""

from dataclasses import replace
from functools import cache
from typing import Literal

from benchmarks.speed import inputs
from benchmarks.speed.cases import Measurement
from benchmarks.speed.settings import DECAY, RATE, Settings
from benchmarks.speed.step_clock import StepClock
from sweeper.training.config import TrainConfig
from sweeper.training.trainer import train_events
from sweeper.training.types import Heartbeat

Weighting = Literal["separate", "shared"]


def measure(settings: Settings, loss: str, weighting: Weighting, batch_size: int, steps: int, seed: int) -> Measurement:
    """Return the texts a second of so many steps. Before the first ones, as many do not count."""
    _warm_up(settings, loss, weighting, batch_size, steps)
    return _train(settings, loss, weighting, batch_size, steps, seed)


@cache
def _warm_up(settings: Settings, loss: str, weighting: Weighting, batch_size: int, steps: int) -> None:
    _train(settings, loss, weighting, batch_size, steps, settings.warm_up_seed)


def _train(settings: Settings, loss: str, weighting: Weighting, batch_size: int, steps: int, seed: int) -> Measurement:
    """Train `steps` batches of random texts.

    The whole training split stands in for the validation split, which is never scored here: so the trainer sees the
    vocabulary of the whole data set, as it does in a sweep.
    """
    data = inputs.training_data(settings)
    train = data.splits["train"]
    rows = inputs.random_rows(len(train), steps * batch_size, seed)
    splits = {"train": inputs.take_rows(train, rows), "validation": train}
    config = TrainConfig(
        encoder=settings.encoder, loss=loss, weighting=weighting, batch_size=batch_size, learning_rate=RATE,
        weight_decay=DECAY, epochs=1, max_length=settings.max_length, seed=seed, threads=settings.threads,
    )  # fmt: skip
    clock = StepClock()
    events = train_events(config, replace(data, splits=splits))
    for event in events:
        assert isinstance(event, Heartbeat)
        clock.step_ended()
        if len(clock.ends) == len(rows) // batch_size:
            break
    events.close()
    return clock.texts_per_second(batch_size)
