"""Trials one after the other by the tuned Trainer of transformers: the way of a user with one GPU and a loop."""

import tempfile
import time

import torch
from transformers import DataCollatorWithPadding, Trainer

from benchmarks.speed.cases import Measurement
from benchmarks.speed.peers.trainer import build_model, load_tokenizer, tokenized_rows, training_arguments
from benchmarks.speed.settings import Settings


def measure(settings: Settings, seed: int) -> Measurement:
    """Return the trials per hour of as many trials at each batch size, from one of each."""
    torch.set_num_threads(settings.threads)
    rows, validation = tokenized_rows(settings), tokenized_rows(settings, "validation")
    seconds = {size: _seconds(settings, rows, validation, size, seed) for size in settings.batch_sizes}
    parts = {f"s at batch {size}": value for size, value in seconds.items()}
    return Measurement(3600 * len(seconds) / sum(seconds.values()), parts)


def _seconds(
    settings: Settings, rows: list[dict[str, object]], validation: list[dict[str, object]], size: int, seed: int
) -> float:
    """Return the seconds of one training, with its model and a validation after each epoch."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        arguments = training_arguments(
            out, settings, tuned=True, batch_size=size, seed=seed,
            num_train_epochs=settings.epochs, eval_strategy="epoch", per_device_eval_batch_size=64,
        )  # fmt: skip
        Trainer(
            build_model(settings, "ce", "shared", seed),
            arguments,
            train_dataset=rows,
            eval_dataset=validation,
            data_collator=DataCollatorWithPadding(load_tokenizer(settings)),
        ).train()
    return time.perf_counter() - start
