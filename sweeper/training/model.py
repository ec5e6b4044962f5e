"""Encoder, classifier, weighting network; and pretrained weights as arrays that any worker can take."""

from collections import OrderedDict
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, initialization
from transformers.utils import logging as transformers_logging

from sweeper.errors import UsageError
from sweeper.training.batching import Batch
from sweeper.training.config import RECURRENT, WEIGHTED, TrainConfig
from sweeper.training.pooling import pool
from sweeper.training.recurrent import RecurrentEncoder
from sweeper.training.types import EncoderWeights, TrainingData

_MOST_WEIGHTS = 2**26  # of a classifier on flattened features: 256 MiB, and three times that for AdamW


class ClassifierOutput(NamedTuple):
    """Features (B, F), the classifier's logits (B, C), and the weighting network's (B, C) where the loss has one."""

    features: Tensor
    logits: Tensor
    weighting: Tensor | None


class Classifier(nn.Module):
    """An encoder with a classifier on its pooled features, and for LCL a weighting network beside it."""

    def __init__(self, config: TrainConfig, data: TrainingData) -> None:
        """Raises UsageError where the classifier on flattened features would not fit into memory."""
        super().__init__()
        self.pooling, self.max_length = config.pooling, config.max_length
        self.recurrent = data.encoder.name in RECURRENT
        self.encoder = build_encoder(data.encoder, config)
        width = int(self.encoder.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self.classifier = _head(config, width, len(data.labels))
        self.weighting_encoder: nn.Module | None = None
        self.weighting: nn.Module | None = None
        if config.loss in WEIGHTED:
            self.weighting_encoder = deepcopy(self.encoder) if config.weighting == "separate" else None
            self.weighting = _head(config, width, len(data.labels))

    def forward(self, batch: Batch, *, weigh: bool = True) -> ClassifierOutput:
        """The outputs for a batch; the weighting network is left out where `weigh` is false."""
        features = self.features(batch)
        weighting = None
        if weigh and self.weighting is not None:
            other = self.weighting_encoder
            weighting = self.weighting(features if other is None else self._features(other, batch))
        return ClassifierOutput(features, self.classifier(features), weighting)

    def features(self, batch: Batch) -> Tensor:
        """The encoder's pooled features (B, F)."""
        return self._features(self.encoder, batch)

    def _features(self, encoder: nn.Module, batch: Batch) -> Tensor:
        types = {} if batch.types is None else {"token_type_ids": batch.types}
        hidden: Tensor = encoder(input_ids=batch.ids, attention_mask=batch.mask, **types).last_hidden_state
        return pool(hidden, batch.mask, self.pooling, recurrent=self.recurrent, length=self.max_length)


def _head(config: TrainConfig, width: int, classes: int) -> nn.Sequential:
    """A classifier; `mlp` is the first paper's: Linear(F, F), dropout, ReLU, Linear(F, C)."""
    check_size(config.pooling, config.classifier, width, config.max_length, classes)
    features = width * (config.max_length if config.pooling == "flatten" else 1)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if config.classifier == "mlp":
        layers["hidden"] = _linear(features, features)
    layers["dropout"] = nn.Dropout(config.dropout)
    if config.classifier == "mlp":
        layers["relu"] = nn.ReLU()
    layers["output"] = _linear(features, classes)
    return nn.Sequential(layers)


def check_size(pooling: str, classifier: str, width: int, max_length: int, classes: int) -> None:
    """Raise UsageError where a classifier on flattened features is larger than a memory can be expected to be."""
    features = width * max_length
    weights = features * (classes + (features if classifier == "mlp" else 0))
    if pooling == "flatten" and weights > _MOST_WEIGHTS:
        raise UsageError(
            f"pooling: flatten makes {features:,} features of {max_length} tokens, and a {classifier} classifier on "
            f"them has {weights:,} weights, at most {_MOST_WEIGHTS:,}; use cls or mean, or a smaller max_length"
        )


def _linear(features: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(features, outputs)
    nn.init.normal_(linear.weight, std=0.02)
    nn.init.zeros_(linear.bias)
    return linear


def build_encoder(encoder: EncoderWeights, config: TrainConfig) -> nn.Module:
    """The encoder as a module in float32: pretrained weights are copied, rnn and gru begin at random."""
    if encoder.name in RECURRENT:
        module: nn.Module = RecurrentEncoder(config)
    else:
        settings = dict(encoder.configuration)
        configuration = AutoConfig.for_model(settings.pop("model_type"), **settings)
        with initialization.no_init_weights():
            module = AutoModel.from_config(configuration, dtype=torch.float32)
        module.load_state_dict({name: torch.tensor(array) for name, array in encoder.weights.items()})
    if config.freeze_embeddings:
        module.get_input_embeddings().requires_grad_(False)  # type: ignore[operator]
    return module.train()


def load_pretrained(folder: Path, name: str, padding: int) -> EncoderWeights:
    """The encoder in a local folder, in the format of transformers; no code in the folder is executed."""
    transformers_logging.disable_progress_bar()
    module = AutoModel.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False)
    weights = {key: np.ascontiguousarray(tensor.numpy()) for key, tensor in module.state_dict().items()}
    return EncoderWeights(name, module.config.to_dict(), weights, padding, int(module.config.hidden_size))
