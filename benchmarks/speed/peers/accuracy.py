"""Test accuracy after training, by the tuned Trainer of transformers."""

import tempfile
import time

import numpy as np
import torch
from transformers import DataCollatorWithPadding, Trainer

from benchmarks.speed.cases import Measurement
from benchmarks.speed.peers.trainer import build_model, load_tokenizer, tokenized_rows, training_arguments
from benchmarks.speed.settings import Settings

_BATCH = 32


def measure(settings: Settings, epochs: int, seed: int) -> Measurement:
    """Return the test accuracy in percent, and the seconds per epoch of the whole `Trainer.train`."""
    torch.set_num_threads(settings.threads)
    with tempfile.TemporaryDirectory() as out:
        arguments = training_arguments(
            out,
            settings,
            tuned=True,
            batch_size=_BATCH,
            seed=seed,
            num_train_epochs=epochs,
            per_device_eval_batch_size=64,
        )
        trainer = Trainer(
            build_model(settings, "ce", "shared", seed),
            arguments,
            train_dataset=tokenized_rows(settings),
            data_collator=DataCollatorWithPadding(load_tokenizer(settings)),
        )
        start = time.perf_counter()
        trainer.train()
        seconds = (time.perf_counter() - start) / epochs
        prediction = trainer.predict(tokenized_rows(settings, "test"))  # grouped by length, so use its own labels
    accuracy = (np.argmax(prediction.predictions, axis=-1) == prediction.label_ids).mean()
    return Measurement(100 * float(accuracy), {"s per epoch": seconds})
