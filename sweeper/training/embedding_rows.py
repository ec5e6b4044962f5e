"""Keep only the word embeddings that a training needs: those of the tokens in its texts.

A row whose token never occurs has no gradient. AdamW only decays it, and trained_model.py does that later, for the rows
that somebody needs. So such a row takes no memory, no moments and no time in a training. The encoder still takes the
numbers of the full vocabulary; only the lookup knows that rows are left out. Therefore architectures that read token
numbers (RoBERTa counts positions by the number of the padding token) work as before, and every number of a training is
the same to the last bit.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from sweeper.training.row_gradient import RowGradient, row_norms
from sweeper.training.types import TokenizedSplit, TrainingData

_SEARCHED = ("train", "validation")
_VECTOR_NUMBERS = 64  # no vector instruction takes more numbers at once


class PartialEmbedding(nn.Module):
    """The embeddings (n, D) of n of a vocabulary's V tokens, looked up by token numbers of the full vocabulary.

    `kept_tokens` (n,) are the numbers of these tokens, in ascending order. Looking up another token is an IndexError.
    """

    kept_tokens: Tensor
    rows: Tensor  # (V,): the row of each token; n for a token without one

    def __init__(self, full: nn.Embedding, tokens: NDArray[np.int64]) -> None:
        """Take the place of `full`, with weights that are not set."""
        super().__init__()
        size = len(tokens)
        self.weight = nn.Parameter(torch.empty(size, full.embedding_dim, dtype=full.weight.dtype))
        rows = torch.full((full.num_embeddings,), size)
        rows[torch.from_numpy(tokens)] = torch.arange(size)
        self.register_buffer("kept_tokens", torch.from_numpy(tokens.astype(np.int32)))
        self.register_buffer("rows", rows, persistent=False)
        self.padding_idx = full.padding_idx
        self.padding_row = None if full.padding_idx is None else int(rows[full.padding_idx])
        self.row_gradient: RowGradient | None = None

    def keep_gradient(self) -> None:
        """Keep the memory of the gradient from one update to the next."""
        self.row_gradient = RowGradient(self.weight, self.padding_row)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the embeddings (B, L, D) of token numbers (B, L)."""
        if self.row_gradient is not None and self.weight.requires_grad and torch.is_grad_enabled():
            return self.row_gradient.look_up(self.rows[ids])
        return functional.embedding(self.rows[ids], self.weight, self.padding_row)

    def gradient_norms(self) -> Tensor:
        """Return the norm of the gradient of each row (n,)."""
        if self.row_gradient is not None:
            return self.row_gradient.norms()
        assert self.weight.grad is not None
        return row_norms(self.weight.grad)

    def clear_gradient(self) -> None:
        """Set the gradient to 0."""
        if self.row_gradient is not None:
            self.row_gradient.clear()
        self.weight.grad = None

    def spread(self, values: Tensor) -> Tensor:
        """Return a value for each token of the vocabulary (V,), from one for each row (n,): 0 for a token without."""
        return torch.cat([values, values.new_zeros(1)])[self.rows]


class WordEmbeddings(NamedTuple):
    """The word embeddings of an encoder, and their name in it."""

    name: str
    module: nn.Embedding


def with_occurring_tokens(data: TrainingData) -> TrainingData:
    """Return the data of a training whose model needs only the tokens in its train and validation splits."""
    return replace(data, encoder=replace(data.encoder, tokens=searched_tokens(data)))


def searched_tokens(data: TrainingData) -> NDArray[np.int64]:
    """Return the numbers of the tokens in the train and validation splits, and of the padding token, ascending."""
    splits = [data.splits[name] for name in _SEARCHED if name in data.splits]
    return occurring_tokens(splits, data.encoder.padding)


def with_every_token(data: TrainingData) -> TrainingData:
    """Return the data of a training whose model has all word embeddings, to compare with one that has only some."""
    tokens = np.arange(max((len(array) for array in data.encoder.weights.values() if array.ndim), default=0))
    return replace(data, encoder=replace(data.encoder, tokens=tokens))


def occurring_tokens(splits: Iterable[TokenizedSplit], padding: int) -> NDArray[np.int64]:
    """Return the numbers of the tokens in the splits, and of the padding token, in ascending order."""
    counts = [np.bincount(split.tokens) for split in splits]
    occurs = np.zeros(max(padding + 1, *map(len, counts)), dtype=bool)
    occurs[padding] = True
    for count in counts:
        occurs[: len(count)] |= count > 0
    return occurs.nonzero()[0]


def keep_rows(
    encoder: nn.Module, weights: Mapping[str, NDArray[Any]], tokens: NDArray[np.int64]
) -> Mapping[str, NDArray[Any]]:
    """Keep only the rows of `tokens`, and a few more, in an encoder's word embeddings.

    `weights` are those of the full encoder; return those that the encoder takes now. An encoder whose word embeddings
    are not a plain nn.Embedding, or are used for something else too, is left as it is.
    """
    embeddings = _find_word_embeddings(encoder)
    if embeddings is None:
        return weights
    name, full = embeddings
    kept = _aligned(tokens, full)
    parent, _, attribute = name.rpartition(".")
    setattr(encoder.get_submodule(parent), attribute, PartialEmbedding(full, kept))
    return {
        **weights,
        f"{name}.weight": weights[f"{name}.weight"][kept],
        f"{name}.kept_tokens": kept.astype(np.int32),
    }


def _find_word_embeddings(encoder: nn.Module) -> WordEmbeddings | None:
    """Return an encoder's word embeddings if they are a plain nn.Embedding that has no other use; otherwise None."""
    try:
        module = encoder.get_input_embeddings()  # type: ignore[operator]
    except (AttributeError, NotImplementedError):
        return None
    if type(module) is not nn.Embedding or module.max_norm is not None or module.sparse or module.scale_grad_by_freq:
        return None
    names = [name for name, value in encoder.named_modules(remove_duplicate=False) if value is module]
    uses = [name for name, value in encoder.named_parameters(remove_duplicate=False) if value is module.weight]
    return WordEmbeddings(names[0], module) if len(names) == len(uses) == 1 else None


def _aligned(tokens: NDArray[np.int64], full: nn.Embedding) -> NDArray[np.int64]:
    """Return the tokens of the vocabulary with the padding token, the last one, and as many more as alignment needs.

    A vector instruction takes 16 numbers, say. The numbers left at the end of an array are taken one by one, and may
    be rounded otherwise. Therefore the numbers at the end of the full weights must be at the end of these too.
    """
    size = full.num_embeddings
    padding = [] if full.padding_idx is None else [full.padding_idx]
    kept = np.union1d(tokens[tokens < size], [*padding, size - 1])
    step = _VECTOR_NUMBERS // math.gcd(_VECTOR_NUMBERS, full.embedding_dim)  # rows that fill whole vectors
    missing = (size - len(kept)) % step
    if not missing:
        return kept
    return np.union1d(kept, np.setdiff1d(np.arange(size), kept)[-missing:])
