"""Poolings: functions from the vectors of a text's tokens to the text's features.

Each function takes hidden states (B, L, D) and a mask (B, L) of the tokens that are not padding, and returns features
(B, F). Modarres & Raeisi, section 3.3, tried all three. `recurrent` is True for encoders that read words from left to
right: only their last state has read the whole text, and their texts have no special tokens.

To add a pooling: write its function here, add an entry to POOLINGS in registry.py, and test both.
"""

import torch
from torch import Tensor
from torch.nn import functional

from sweeper.training.named_function import load_function
from sweeper.training.registry import POOLINGS


def pool(hidden: Tensor, mask: Tensor, name: str, *, recurrent: bool, max_length: int) -> Tensor:
    """Return the features (B, F) of hidden states (B, L, D) by the pooling `name`."""
    features: Tensor = load_function(POOLINGS[name].function)(hidden, mask, recurrent, max_length)
    return features


def pool_first_token(hidden: Tensor, mask: Tensor, recurrent: bool, max_length: int) -> Tensor:
    """Return the first token's vector, or the last state of a recurrent encoder (F = D)."""
    if recurrent:
        return hidden[torch.arange(len(hidden), device=hidden.device), _last_token(mask)]
    return hidden[:, 0]


def pool_mean(hidden: Tensor, mask: Tensor, recurrent: bool, max_length: int) -> Tensor:
    """Return the mean vector of all tokens but the first and the last, or of all words if recurrent (F = D)."""
    words = mask if recurrent else _without_ends(mask)
    return (hidden * words[:, :, None]).sum(dim=1) / words.sum(dim=1, keepdim=True)


def pool_all_tokens(hidden: Tensor, mask: Tensor, recurrent: bool, max_length: int) -> Tensor:
    """Return all vectors in a row, padded with zeros to `max_length` tokens (F = max_length · D)."""
    flat = (hidden * mask[:, :, None]).flatten(1)
    return functional.pad(flat, (0, max_length * hidden.shape[-1] - flat.shape[1]))


def _last_token(mask: Tensor) -> Tensor:
    """Return the position of each text's last token (B,)."""
    return mask.sum(dim=1) - 1


def _without_ends(mask: Tensor) -> Tensor:
    """Return the mask without each text's first and last token. A text that has no other token keeps them."""
    inner = mask.clone()
    inner[:, 0] = 0
    inner.scatter_(1, _last_token(mask)[:, None], 0)
    return torch.where(inner.any(dim=1, keepdim=True), inner, mask)
