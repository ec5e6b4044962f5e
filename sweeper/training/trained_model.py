"""Load a trained model, with the word embeddings that its training left out.

Those embeddings are the pretrained ones with the weight decay that AdamW would have applied to them in each update.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeper.errors import CheckpointError
from sweeper.training.checkpoint import checking_fit
from sweeper.training.config import TrainConfig
from sweeper.training.embedding_rows import occurring_tokens
from sweeper.training.model import Classifier
from sweeper.training.optimizer import is_decayed
from sweeper.training.schedule import encoder_learning_rates
from sweeper.training.types import TrainingData

_KEPT_TOKENS = ".kept_tokens"  # the buffer of a PartialEmbedding
_BLOCK = 1 << 16  # numbers that a processor's cache can hold


def load_full_model(state: Mapping[str, Any], config: TrainConfig, data: TrainingData) -> Classifier:
    """Return the model of a checkpoint, or of a best epoch, with the embeddings of all tokens.

    `data` needs the training split. Raises CheckpointError if the state does not fit the model.
    """
    return _load(state, config, data, None)


def load_model(state: Mapping[str, Any], config: TrainConfig, data: TrainingData) -> Classifier:
    """Return the model of a checkpoint, or of a best epoch, with the embeddings of the tokens in the splits of `data`.

    `data` needs the training split. Raises CheckpointError if the state does not fit the model.
    """
    with checking_fit():
        kept = [tokens.numpy() for name, tokens in state["model"].items() if name.endswith(_KEPT_TOKENS)]
    tokens = occurring_tokens(data.splits.values(), data.encoder.padding)
    return _load(state, config, data, np.union1d(tokens, kept[0]) if kept else None)


def resume_model(model: Classifier, weights: Mapping[str, Tensor]) -> None:
    """Load the weights of a checkpoint. Raises CheckpointError if they are those of another model."""
    own = model.state_dict()
    shapes = {name: tensor.shape for name, tensor in own.items()}
    if shapes != {name: tensor.shape for name, tensor in weights.items()} or any(
        not torch.equal(own[name].cpu(), tokens) for name, tokens in weights.items() if name.endswith(_KEPT_TOKENS)
    ):
        raise CheckpointError("it is of a model with other weights")
    model.load_state_dict(weights)


def _load(
    state: Mapping[str, Any], config: TrainConfig, data: TrainingData, tokens: NDArray[np.int64] | None
) -> Classifier:
    """Return the model with the embeddings of `tokens`, or of all tokens if it is None."""
    model = Classifier(config, replace(data, encoder=replace(data.encoder, tokens=tokens)))
    with checking_fit():
        _load_weights(model, state, config, data)
    return model


def _load_weights(model: Classifier, state: Mapping[str, Any], config: TrainConfig, data: TrainingData) -> None:
    """Load the weights of a state, and the pretrained embeddings that its training left out."""
    pretrained, weights = model.state_dict(), dict(state["model"])
    for name in [name for name in weights if name.endswith(_KEPT_TOKENS)]:
        kept, weight = weights.pop(name), name.removesuffix(_KEPT_TOKENS) + ".weight"
        tokens_of_rows = pretrained.get(name, torch.arange(len(pretrained[weight])))
        is_kept = torch.isin(tokens_of_rows, kept)
        rows = pretrained[weight].clone()
        if is_decayed(weight) and not config.freeze_embeddings:
            factor = model.learning_rate_factors(config.layer_decay)[weight]
            rows[~is_kept] = _decayed(rows[~is_kept], state, config, data, factor)
        rows[is_kept] = weights[weight]
        weights[weight] = rows
        if name in pretrained:
            weights[name] = tokens_of_rows
    model.load_state_dict(weights)


def _decayed(rows: Tensor, state: Mapping[str, Any], config: TrainConfig, data: TrainingData, factor: float) -> Tensor:
    """Return pretrained weights that never had a gradient as AdamW would have left them.

    `factor` is that of their learning rate.
    """
    step = state["step"] if "step" in state else len(state["reports"])
    numbers: NDArray[np.float32] = rows.numpy().copy()
    rates = encoder_learning_rates(config, len(data.splits["train"]), step)
    skipped = set(state.get("skipped_updates", ()))  # in fp16: AdamW did not decay there either
    applied = [rate * factor for update, rate in enumerate(rates) if update not in skipped]
    _decay(numbers, applied, config.weight_decay)
    return torch.from_numpy(numbers)


def _decay(rows: NDArray[np.float32], learning_rates: Sequence[float], weight_decay: float) -> None:
    """Apply AdamW's decay to weights without a gradient: in each update w = w · (1 - learning rate · weight decay).

    Each product is rounded to float32, as AdamW rounds it; the product of all factors would give other numbers.
    """
    factors = [np.float32(1 - rate * weight_decay) for rate in learning_rates]
    numbers = rows.reshape(-1)
    for start in range(0, len(numbers), _BLOCK):
        block = numbers[start : start + _BLOCK]
        for factor in factors:
            if factor != 1:
                np.multiply(block, factor, out=block)
