"""Compare a CE trial with the Trainer of transformers at the same setting: test accuracy and time per epoch.

    python -m benchmarks.trainer_parity [--seeds 3] [--epochs 3] [--rows N]

Both arms train MiniLM on SST-5 in turn: batch 32, learning rate from 5e-5 to 0, weight decay 0.01, bf16, batches of
similar length. Data and weights come from the hub (HF_ENDPOINT). Neither arm chooses anything; both are scored on the
test split after the last epoch. The time of an epoch covers only its training steps. About half an hour on 2 cores.
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)
from transformers.utils import logging as transformers_logging

from sweeper.data import hub_datasets, hub_encoders, preprocessing
from sweeper.data.catalog import DATASETS
from sweeper.data.rows import LabelledTexts
from sweeper.training.config import TrainConfig
from sweeper.training.device import cpu_count
from sweeper.training.model import load_pretrained
from sweeper.training.tokenizer import Tokenizer
from sweeper.training.trainer import train
from sweeper.training.types import TrainingData

ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
RATE, BATCH, DECAY, LENGTH = 5e-5, 32, 0.01, 128


def train_with_sweeper(data: TrainingData, seed: int, epochs: int, threads: int) -> tuple[float, float]:
    """Return the test accuracy after the last epoch, and the seconds per epoch."""
    config = TrainConfig(
        encoder=ENCODER, loss="ce", batch_size=BATCH, learning_rate=RATE, weight_decay=DECAY, epochs=epochs,
        max_length=LENGTH, precision="bf16", seed=seed, threads=threads,
    )  # fmt: skip
    reports = [report.metrics for report in train(config, data, None)]
    rows = len(data.splits["train"])
    seconds = statistics.fmean(rows / metrics["examples_per_second"] for metrics in reports)
    return reports[-1]["validation/accuracy"], seconds


def train_with_transformers(
    folder: Path, splits: dict[str, LabelledTexts], seed: int, epochs: int, threads: int
) -> tuple[float, float]:
    """Return the same two values for the Trainer of transformers."""
    torch.set_num_threads(threads)
    tokenizer = AutoTokenizer.from_pretrained(folder)

    def rows(split: LabelledTexts) -> list[dict[str, Any]]:
        tokens = tokenizer(split.texts, truncation=True, max_length=LENGTH)
        masks = zip(tokens["input_ids"], tokens["attention_mask"], split.labels.tolist(), strict=True)
        return [{"input_ids": ids, "attention_mask": mask, "labels": label} for ids, mask, label in masks]

    with tempfile.TemporaryDirectory() as out:
        arguments = TrainingArguments(
            out, seed=seed, num_train_epochs=epochs, per_device_train_batch_size=BATCH, per_device_eval_batch_size=64,
            learning_rate=RATE, weight_decay=DECAY, bf16=True, train_sampling_strategy="group_by_length", use_cpu=True,
            save_strategy="no", report_to=[], disable_tqdm=True, logging_strategy="no",
        )  # fmt: skip
        torch.manual_seed(seed)
        model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(DATASETS["sst5"].class_names))
        trainer = Trainer(
            model,
            arguments,
            train_dataset=rows(splits["train"]),
            data_collator=DataCollatorWithPadding(tokenizer),
        )
        start = time.perf_counter()
        trainer.train()
        seconds = (time.perf_counter() - start) / epochs
        prediction = trainer.predict(rows(splits["test"]))  # also grouped by length, so use the labels it returns
    return float((np.argmax(prediction.predictions, axis=-1) == prediction.label_ids).mean()), seconds


def main() -> None:
    """Run both arms in turn. Prints each pair of results, and a summary as JSON."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--epochs", type=int, default=3)
    options.add_argument("--rows", type=int, default=None, help="train on only so many rows")
    chosen = options.parse_args()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    threads = cpu_count()
    splits = dict(preprocessing.prepare(DATASETS["sst5"], hub_datasets.load_tables(DATASETS["sst5"]).value).splits)
    train_split = splits["train"]
    splits["train"] = LabelledTexts(train_split.texts[: chosen.rows], train_split.labels[: chosen.rows])
    folder = hub_encoders.fetch_encoder(ENCODER).value
    tokenizer = Tokenizer(folder, ENCODER)
    tokens = {name: tokenizer.tokenize_split(rows, LENGTH) for name, rows in splits.items()}
    # the test split takes the place of the validation split: it is scored after each epoch, and the last score counts
    scored = {"train": tokens["train"], "validation": tokens["test"]}
    data = TrainingData(DATASETS["sst5"].class_names, load_pretrained(folder, ENCODER, tokenizer.padding), scored)
    pairs = []
    for seed in range(chosen.seeds):
        a = train_with_sweeper(data, seed, chosen.epochs, threads)
        b = train_with_transformers(folder, splits, seed, chosen.epochs, threads)
        pairs.append((a, b))
        print(
            f"seed {seed}: sweeper {a[0]:.4f} in {a[1]:.1f} s/epoch, Trainer {b[0]:.4f} in {b[1]:.1f} s/epoch",
            flush=True,
        )
    differences = [a[0] - b[0] for a, b in pairs]
    ratios = [a[1] / b[1] for a, b in pairs]
    spread = statistics.stdev(differences) / math.sqrt(len(pairs)) if len(pairs) > 1 else None
    summary = {
        "sweeper_accuracy": statistics.fmean(a[0] for a, _ in pairs),
        "trainer_accuracy": statistics.fmean(b[0] for _, b in pairs),
        "difference": statistics.fmean(differences),
        "standard_error": spread,
        "time_ratio_median": statistics.median(ratios),
    }
    print(json.dumps(summary, indent=2))


if __name__ == "__main__":
    main()
