"""Test accuracy after training, by sweeper's trainer. Nothing is chosen: the model after the last epoch is scored."""

from dataclasses import replace

from benchmarks.speed import inputs
from benchmarks.speed.cases import Measurement
from benchmarks.speed.settings import DECAY, RATE, Settings
from sweeper.training.config import TrainConfig
from sweeper.training.trainer import train

_BATCH = 32


def measure(settings: Settings, epochs: int, seed: int) -> Measurement:
    """Return the test accuracy in percent, and the seconds per epoch of the training steps."""
    data = inputs.training_data(settings, ("train", "validation", "test"))
    # the test split takes the place of the validation split: it is scored after each epoch, and the last score counts
    scored = {"train": data.splits["train"], "validation": data.splits["test"]}
    config = TrainConfig(
        encoder=settings.encoder, loss="ce", batch_size=_BATCH, learning_rate=RATE, weight_decay=DECAY, epochs=epochs,
        max_length=settings.max_length, seed=seed, threads=settings.threads,
    )  # fmt: skip
    reports = [report.metrics for report in train(config, replace(data, splits=scored))]
    rows = len(data.splits["train"])
    seconds = sum(rows / metrics["examples_per_second"] for metrics in reports) / epochs
    return Measurement(100 * reports[-1]["validation/accuracy"], {"s per epoch": seconds})
