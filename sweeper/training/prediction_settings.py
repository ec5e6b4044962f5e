"""The settings that an exported model needs to predict, beside its weights and its tokenizer."""

from collections.abc import Mapping
from typing import Any

_HYPERPARAMETERS = (
    "encoder", "pooling", "max_length", "batch_size", "precision", "vocabulary", "embedding_size", "hidden_size",
)  # fmt: skip


def prediction_settings(params: Mapping[str, Any], max_tokens: int, texts: int) -> dict[str, Any]:
    """Return the settings of a training that a prediction needs.

    `params` are the hyperparameters of the training. `max_tokens` is the largest max_length of the sweep: the texts
    of a batch are similarly long when cut there. `texts` is the number of texts in a row: 2 for pairs.
    """
    return {**{name: params[name] for name in _HYPERPARAMETERS if name in params},
            "max_tokens": max_tokens, "texts": texts}  # fmt: skip
