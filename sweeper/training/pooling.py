"""From the vectors of a text's tokens to one vector for the text."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Pooling = Literal["cls", "mean", "flatten"]


def pool(hidden: Tensor, mask: Tensor, how: Pooling, *, recurrent: bool, length: int) -> Tensor:
    """Features (B, F) of hidden states (B, L, D) and mask (B, L).

    `cls` is the first token's vector, `mean` the mean of all tokens but the first and the last ([CLS] and [SEP]), and
    `flatten` all vectors in a row, zeros up to `length` tokens (F = length · D). (Modarres & Raeisi, section 3.3, tried
    all three.) A recurrent encoder has read the whole text at the last word alone, and its texts have no special
    tokens: there, `cls` is the last state, and `mean` is over all words.
    """
    if how == "flatten":
        flat = (hidden * mask[:, :, None]).flatten(1)
        return functional.pad(flat, (0, length * hidden.shape[-1] - flat.shape[1]))
    last = mask.sum(dim=1) - 1  # (B,)
    if how == "mean":
        words = mask if recurrent else _without_ends(mask, last)
        return (hidden * words[:, :, None]).sum(dim=1) / words.sum(dim=1, keepdim=True)
    return hidden[torch.arange(len(hidden), device=hidden.device), last] if recurrent else hidden[:, 0]


def _without_ends(mask: Tensor, last: Tensor) -> Tensor:
    """The mask without first and last tokens; where nothing else is in a text, they stay."""
    inner = mask.clone()
    inner[:, 0] = 0
    inner.scatter_(1, last[:, None], 0)
    return torch.where(inner.any(dim=1, keepdim=True), inner, mask)
