"""The classifier: an encoder, a head on its features, and for some losses a weighting network or prototypes."""

from collections import OrderedDict
from collections.abc import Mapping
from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sweeper.errors import UsageError
from sweeper.training.batching import Batch
from sweeper.training.config import TrainConfig
from sweeper.training.layers import learning_rate_factors, reinitialize_layers
from sweeper.training.named_function import load_function
from sweeper.training.peft_package import require_peft
from sweeper.training.pooling import pool
from sweeper.training.registry import LOSSES, POOLINGS, encoder_kind
from sweeper.training.types import EncoderWeights, TrainingData

_DEVIATION = 0.02  # of new weights
_MAX_HEAD_WEIGHTS = 2**26  # 256 MiB, and three times that for their gradients and AdamW's two moments


class ClassifierOutput(NamedTuple):
    """Features (B, F), the classifier's logits (B, C), and the weighting network's logits (B, C) or None."""

    features: Tensor
    logits: Tensor
    weighting_logits: Tensor | None

    def first(self, rows: int) -> "ClassifierOutput":
        """Return the outputs of the first `rows` texts."""
        weighting_logits = None if self.weighting_logits is None else self.weighting_logits[:rows]
        return ClassifierOutput(self.features[:rows], self.logits[:rows], weighting_logits)


class Classifier(nn.Module):
    """An encoder with a classifier on its pooled features; for LCL also a weighting network.

    `prototypes` (C, F) are features of the classes that some losses compare texts with. Predictions do without them.
    """

    def __init__(self, config: TrainConfig, data: TrainingData) -> None:
        """Build the model.

        Raises UsageError if a classifier on the vectors of all tokens would be too large.
        """
        super().__init__()
        self.pooling, self.max_length, self.encoder_name = config.pooling, config.max_length, data.encoder.name
        self.has_adapter = config.lora > 0
        self.recurrent = not encoder_kind(data.encoder.name).is_pretrained
        self.encoder = build_encoder(data.encoder, config)
        width = int(self.encoder.config.hidden_size)  # type: ignore[union-attr, arg-type]
        self.classifier = _build_head(config, width, len(data.class_names))
        self.weighting_encoder: nn.Module | None = None
        self.weighting: nn.Module | None = None
        if LOSSES[config.loss].has_weighting_network:
            self.weighting_encoder = deepcopy(self.encoder) if config.weighting == "separate" else None
            self.weighting = _build_head(config, width, len(data.class_names))
        self.prototypes: nn.Parameter | None = None
        if LOSSES[config.loss].has_prototypes:  # with a direction that Adam can turn as fast as the classifier's
            self.prototypes = nn.Parameter(torch.empty(len(data.class_names), count_features(config, width)))
            nn.init.normal_(self.prototypes, std=_DEVIATION)

    def forward(self, batch: Batch, *, weigh: bool = True) -> ClassifierOutput:
        """Return the outputs for a batch; with `weigh=False`, without those of the weighting network."""
        features = self.features(batch)
        weighting_logits = None
        if weigh and self.weighting is not None:
            encoder = self.weighting_encoder
            weighting_logits = self.weighting(features if encoder is None else self._encode(encoder, batch))
        return ClassifierOutput(features, self.classifier(features), weighting_logits)

    def features(self, batch: Batch) -> Tensor:
        """Return the encoder's pooled features (B, F)."""
        return self._encode(self.encoder, batch)

    def learning_rate_factors(self, layer_decay: float) -> Mapping[str, float]:
        """Return the factor of the learning rate for each parameter, by name. Only those in encoders can be below 1.

        Raises UsageError if `layer_decay` is not 1 and the encoder's layers cannot be found.
        """
        factors = {name: 1.0 for name, _ in self.named_parameters()}
        for prefix in ("encoder", "weighting_encoder"):
            encoder = getattr(self, prefix)
            if encoder is not None:
                of_encoder = learning_rate_factors(encoder, self.encoder_name, layer_decay)
                factors.update({f"{prefix}.{name}": factor for name, factor in of_encoder.items()})
        return factors

    def trained_state(self) -> dict[str, Tensor]:
        """Return what a checkpoint holds, by name: all weights, or with an adapter only those that are trained."""
        state: dict[str, Tensor] = self.state_dict()
        if not self.has_adapter:
            return state
        return {name: state[name] for name, parameter in self.named_parameters() if parameter.requires_grad}

    def _encode(self, encoder: nn.Module, batch: Batch) -> Tensor:
        token_types = {} if batch.token_types is None else {"token_type_ids": batch.token_types}
        hidden: Tensor = encoder(input_ids=batch.ids, attention_mask=batch.mask, **token_types).last_hidden_state
        return pool(hidden, batch.mask, self.pooling, recurrent=self.recurrent, max_length=self.max_length)


def _build_head(config: TrainConfig, width: int, num_classes: int) -> nn.Sequential:
    """Return a linear classifier, or the `mlp` of the first paper: Linear(F, F), dropout, ReLU, Linear(F, C)."""
    if rule := size_rule(config.pooling, config.classifier, width, config.max_length, num_classes):
        raise UsageError(f"pooling: {rule}")
    num_features = count_features(config, width)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if config.classifier == "mlp":
        layers["hidden"] = _build_linear(num_features, num_features)
    layers["dropout"] = nn.Dropout(config.dropout)
    if config.classifier == "mlp":
        layers["relu"] = nn.ReLU()
    layers["output"] = _build_linear(num_features, num_classes)
    return nn.Sequential(layers)


def count_features(config: TrainConfig, width: int) -> int:
    """Return the size of a text's features, from the width of the encoder's vectors."""
    return width * (config.max_length if POOLINGS[config.pooling].keeps_all_tokens else 1)


def size_rule(pooling: str, classifier: str, width: int, max_length: int, num_classes: int) -> str:
    """Return the rule that a classifier on the vectors of all tokens breaks with more than 2**26 weights, or ""."""
    num_features = width * max_length
    num_weights = num_features * (num_classes + (num_features if classifier == "mlp" else 0))
    if not POOLINGS[pooling].keeps_all_tokens or num_weights <= _MAX_HEAD_WEIGHTS:
        return ""
    smaller_poolings = " or ".join(name for name, entry in POOLINGS.items() if not entry.keeps_all_tokens)
    return (
        f"{pooling} makes {num_features:,} features of {max_length} tokens, on which the {classifier} classifier has "
        f"{num_weights:,} weights, at most {_MAX_HEAD_WEIGHTS:,}; use {smaller_poolings}, or a smaller max_length"
    )


def _build_linear(num_features: int, num_outputs: int) -> nn.Linear:
    linear = nn.Linear(num_features, num_outputs)
    nn.init.normal_(linear.weight, std=_DEVIATION)
    nn.init.zeros_(linear.bias)
    return linear


def build_encoder(encoder: EncoderWeights, config: TrainConfig) -> nn.Module:
    """Return the encoder as a module in float32, in training mode.

    Raises UsageError if its last layers are to be reinitialized and cannot be found, or if it needs peft.
    """
    module: nn.Module = load_function(encoder_kind(encoder.name).build)(encoder, config)
    reinitialize_layers(module, encoder.name, config.reinit_layers)
    if config.freeze_embeddings:
        module.get_input_embeddings().requires_grad_(False)  # type: ignore[operator]
    if config.lora:
        require_peft(config.lora)
        load_function("sweeper.training.adapter:add_adapter")(module, config.lora)
    return module.train()


def check_layers(encoder: EncoderWeights, config: TrainConfig) -> None:
    """Raise UsageError if a config needs an encoder's layers, and they cannot be found or are too few."""
    if config.reinit_layers or config.layer_decay != 1 or config.lora:
        with torch.device("meta"):  # shapes alone, without memory
            learning_rate_factors(build_encoder(encoder, config), encoder.name, config.layer_decay)
