"""The recipe of the first paper's code (Suresh & Ong): a plain PyTorch loop in float32 over random batches.

The weights of the label-aware loss are filled in by two nested Python loops. AdamW, gradients clipped at 1, a rate that
falls to 0. Its second view, a copy of each text with synonyms, is left out, so that a step has the same texts for all.
"""

from functools import cache

import torch
from torch import nn
from transformers import DataCollatorWithPadding, get_linear_schedule_with_warmup

from benchmarks.speed import inputs
from benchmarks.speed.cases import Measurement
from benchmarks.speed.peers.label_aware import LabelAwareClassifier
from benchmarks.speed.peers.trainer import load_tokenizer, tokenized_rows
from benchmarks.speed.settings import DECAY, RATE, Settings
from benchmarks.speed.step_clock import StepClock

_NO_DECAY = ("bias", "LayerNorm.weight")


def measure(settings: Settings, weighting: str, batch_size: int, steps: int, seed: int) -> Measurement:
    """Return the texts a second of so many steps. Before the first ones, as many do not count."""
    _warm_up(settings, weighting, batch_size, steps)
    return _train(settings, weighting, batch_size, steps, seed)


@cache
def _warm_up(settings: Settings, weighting: str, batch_size: int, steps: int) -> None:
    _train(settings, weighting, batch_size, steps, settings.warm_up_seed)


def _train(settings: Settings, weighting: str, batch_size: int, steps: int, seed: int) -> Measurement:
    torch.set_num_threads(settings.threads)
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    data = inputs.texts(settings)
    num_rows = len(data.splits["train"])
    model = LabelAwareClassifier(data.encoder_folder, data.num_classes, weighting, looped=True).to(device).train()
    optimizer = _build_optimizer(model)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, steps)
    collate = DataCollatorWithPadding(load_tokenizer(settings))
    rows = [tokenized_rows(settings)[row] for row in inputs.random_rows(num_rows, steps * batch_size, seed)]
    clock = StepClock()
    for start in range(0, len(rows) - batch_size + 1, batch_size):
        batch = {name: tensor.to(device) for name, tensor in collate(rows[start : start + batch_size]).items()}
        loss = model(**batch)["loss"]
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        model.zero_grad()
        clock.step_ended()
    return clock.texts_per_second(batch_size)


def _build_optimizer(model: nn.Module) -> torch.optim.AdamW:
    named = list(model.named_parameters())
    decayed = [parameter for name, parameter in named if not any(word in name for word in _NO_DECAY)]
    others = [parameter for name, parameter in named if any(word in name for word in _NO_DECAY)]
    return torch.optim.AdamW([{"params": decayed, "weight_decay": DECAY}, {"params": others, "weight_decay": 0}], RATE)
