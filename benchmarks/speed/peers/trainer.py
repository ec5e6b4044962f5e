"""The Trainer of transformers, with its defaults and tuned.

Tuned is the precision that sweeper chooses on this machine, with batches of similar length and fused AdamW.
"""

import tempfile
from functools import cache
from typing import Any

import torch
from torch import nn
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from benchmarks.speed import inputs
from benchmarks.speed.cases import Measurement
from benchmarks.speed.peers.label_aware import LabelAwareClassifier
from benchmarks.speed.settings import DECAY, RATE, Settings
from benchmarks.speed.step_clock import StepClock
from sweeper.training.config import TrainConfig
from sweeper.training.device import resolve_precision, setup_device


class ClockCallback(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Tells a clock of each step."""

    def __init__(self, clock: StepClock) -> None:
        self.clock = clock

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """A step has ended."""
        self.clock.step_ended()


def measure(
    settings: Settings, tuned: bool, loss: str, weighting: str, batch_size: int, steps: int, seed: int
) -> Measurement:
    """Return the texts a second of so many steps. Before the first ones, as many do not count."""
    _warm_up(settings, tuned, loss, weighting, batch_size, steps)
    return _train(settings, tuned, loss, weighting, batch_size, steps, seed)


@cache
def _warm_up(settings: Settings, tuned: bool, loss: str, weighting: str, batch_size: int, steps: int) -> None:
    _train(settings, tuned, loss, weighting, batch_size, steps, settings.warm_up_seed)


def _train(
    settings: Settings, tuned: bool, loss: str, weighting: str, batch_size: int, steps: int, seed: int
) -> Measurement:
    torch.set_num_threads(settings.threads)
    clock = StepClock()
    with tempfile.TemporaryDirectory() as out:
        arguments = training_arguments(out, settings, tuned=tuned, batch_size=batch_size, seed=seed, max_steps=steps)
        trainer = Trainer(
            build_model(settings, loss, weighting, seed),
            arguments,
            train_dataset=tokenized_rows(settings),
            data_collator=DataCollatorWithPadding(load_tokenizer(settings)),
            callbacks=[ClockCallback(clock)],
        )
        trainer.train()
    return clock.texts_per_second(batch_size)


def training_arguments(out: str, settings: Settings, *, tuned: bool, batch_size: int, seed: int, **more: Any) -> Any:
    """Return the arguments of a training like sweeper's. Nothing is saved or logged."""
    if tuned:
        more |= {
            "bf16": uses_bf16(settings),
            "train_sampling_strategy": "group_by_length",
            "optim": "adamw_torch_fused",
        }
    return TrainingArguments(
        out, seed=seed, per_device_train_batch_size=batch_size, learning_rate=RATE, weight_decay=DECAY,
        use_cpu=not torch.cuda.is_available(), save_strategy="no", report_to=[], disable_tqdm=True,
        logging_strategy="no", **more,
    )  # fmt: skip


def uses_bf16(settings: Settings) -> bool:
    """Return True if sweeper trains in bf16 on this device."""
    device = setup_device(TrainConfig(encoder=settings.encoder, threads=settings.threads))
    return resolve_precision("auto", device) == "bf16"


def build_model(settings: Settings, loss: str, weighting: str, seed: int) -> nn.Module:
    """Return a model that computes its own loss."""
    torch.manual_seed(seed)
    data = inputs.texts(settings)
    if loss == "lcl":
        return LabelAwareClassifier(data.encoder_folder, data.num_classes, weighting)
    model: nn.Module = AutoModelForSequenceClassification.from_pretrained(
        data.encoder_folder, num_labels=data.num_classes
    )
    return model


@cache
def load_tokenizer(settings: Settings) -> Any:
    """Return the encoder's tokenizer."""
    return AutoTokenizer.from_pretrained(inputs.texts(settings).encoder_folder)


@cache
def tokenized_rows(settings: Settings, split: str = "train") -> list[dict[str, Any]]:
    """Return the texts of a split as the Trainer takes them, tokenized once."""
    texts = inputs.texts(settings).splits[split]
    pairs = () if texts.pairs is None else (texts.pairs,)
    tokens = load_tokenizer(settings)(texts.texts, *pairs, truncation=True, max_length=settings.max_length)
    rows = zip(tokens["input_ids"], tokens["attention_mask"], texts.labels.tolist(), strict=True)
    return [{"input_ids": ids, "attention_mask": mask, "labels": label} for ids, mask, label in rows]
