"""Encoder, classifier, weighting network; and pretrained weights as arrays that any worker can take.

Features are the encoder's last hidden state at the first position, [CLS].
"""

from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, initialization
from transformers.utils import logging as transformers_logging

from sweeper.config import TrainConfig
from sweeper.ports import Encoder, TrainingData


class Outputs(NamedTuple):
    """Features (B, D), the classifier's logits (B, C), and the weighting network's (B, C) where the loss has one."""

    features: Tensor
    logits: Tensor
    weighting: Tensor | None


class Classifier(nn.Module):
    """A pretrained encoder with a linear classifier, and for LCL a weighting network beside it."""

    def __init__(self, config: TrainConfig, data: TrainingData) -> None:
        super().__init__()
        self.encoder = build(data.encoder)
        width, classes = int(data.encoder.configuration["hidden_size"]), len(data.labels)
        self.classifier = _head(width, classes, config.dropout)
        self.weighting_encoder: nn.Module | None = None
        self.weighting: nn.Module | None = None
        if config.loss == "lcl":
            self.weighting_encoder = deepcopy(self.encoder) if config.weighting == "encoder" else None
            self.weighting = _head(width, classes, config.dropout)

    def forward(self, ids: Tensor, mask: Tensor, *, weigh: bool = True) -> Outputs:
        """The outputs for token ids and mask (B, L); the weighting network is left out where `weigh` is false."""
        features = _first(self.encoder, ids, mask)
        weighting = None
        if weigh and self.weighting is not None:
            other = self.weighting_encoder
            weighting = self.weighting(features.detach() if other is None else _first(other, ids, mask))
        return Outputs(features, self.classifier(features), weighting)


def _first(encoder: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    hidden: Tensor = encoder(input_ids=ids, attention_mask=mask).last_hidden_state  # (B, L, D)
    return hidden[:, 0]


def _head(width: int, classes: int, dropout: float) -> nn.Sequential:
    linear = nn.Linear(width, classes)
    nn.init.normal_(linear.weight, std=0.02)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(nn.Dropout(dropout), linear)


def build(encoder: Encoder) -> nn.Module:
    """The encoder as a module in float32 with its pretrained weights. The arrays are copied, and may be read-only."""
    settings = dict(encoder.configuration)
    configuration = AutoConfig.for_model(settings.pop("model_type"), **settings)
    with initialization.no_init_weights():
        module: nn.Module = AutoModel.from_config(configuration, dtype=torch.float32)
    state = {name: torch.tensor(array) for name, array in encoder.weights.items()}
    module.load_state_dict(state)
    return module.train()


def pretrained(folder: Path, name: str, padding: int) -> Encoder:
    """The encoder in a local folder, in the format of transformers."""
    transformers_logging.disable_progress_bar()
    module = AutoModel.from_pretrained(folder, dtype=torch.float32)
    weights = {key: np.ascontiguousarray(tensor.numpy()) for key, tensor in module.state_dict().items()}
    return Encoder(name, module.config.to_dict(), weights, padding)
