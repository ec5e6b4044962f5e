"""Load a trained model, with the word embeddings that its training left out.

Those embeddings are the pretrained ones as the training would have left them; see left_out_rows.py.
"""

from collections.abc import Mapping
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
from sweeper.training.left_out_rows import left_out_rows
from sweeper.training.model import Classifier
from sweeper.training.optimizer import is_decayed
from sweeper.training.types import TrainingData

_KEPT_TOKENS = ".kept_tokens"  # the buffer of a PartialEmbedding


def load_full_model(state: Mapping[str, Any], config: TrainConfig, data: TrainingData) -> Classifier:
    """Return the model of a checkpoint, or of a best epoch, with the embeddings of all tokens.

    `data` needs the training split. Raises CheckpointError if the state does not fit the model.
    """
    return _load(state, config, data, None)


def build_trained_model(state: Mapping[str, Any], config: TrainConfig, data: TrainingData) -> Classifier:
    """Return the model of a checkpoint, or of a best epoch, with the embeddings of the tokens in the splits of `data`.

    `data` needs the training split. Raises CheckpointError if the state does not fit the model.
    """
    with checking_fit():
        kept = [tokens.numpy() for name, tokens in state["model"].items() if name.endswith(_KEPT_TOKENS)]
    tokens = occurring_tokens(data.splits.values(), data.encoder.padding)
    if config.lora:
        return _load(state, config, data, tokens)
    return _load(state, config, data, np.union1d(tokens, kept[0]) if kept else None)


def resume_model(model: Classifier, weights: Mapping[str, Tensor]) -> None:
    """Load the weights of a checkpoint. Raises CheckpointError if they are those of another model."""
    model_weights = model.trained_state()
    shapes = {name: tensor.shape for name, tensor in model_weights.items()}
    if shapes != {name: tensor.shape for name, tensor in weights.items()} or any(
        not torch.equal(model_weights[name].cpu(), tokens)
        for name, tokens in weights.items()
        if name.endswith(_KEPT_TOKENS)
    ):
        raise CheckpointError("it is of a model with other weights")
    model.load_state_dict({**model.state_dict(), **weights})


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
    if config.lora:
        if weights.keys() != model.trained_state().keys():
            raise CheckpointError("it is of a model with other weights")
        weights = {**pretrained, **weights}  # a checkpoint lacks the weights that stay
    for name in [name for name in state["model"] if name.endswith(_KEPT_TOKENS)]:
        kept, weight = weights.pop(name), name.removesuffix(_KEPT_TOKENS) + ".weight"
        tokens_of_rows = pretrained.get(name, torch.arange(len(pretrained[weight])))
        is_kept = torch.isin(tokens_of_rows, kept)
        rows = pretrained[weight].clone()
        if is_decayed(weight) and not (config.freeze_embeddings or config.lora):
            factor = model.learning_rate_factors(config.layer_decay)[weight]
            rows[~is_kept] = left_out_rows(rows[~is_kept], state, config, len(data.splits["train"]), factor)
        rows[is_kept] = weights[weight]
        weights[weight] = rows
        if name in pretrained:
            weights[name] = tokens_of_rows
    model.load_state_dict(weights)
