"""Cut pairs of texts as their tokenizer does: the longer text first, until both are equally long.

The tokens of a split are cut at the longest max_length of a sweep. From these, a batch takes those that the tokenizer
would have kept at the training's own max_length.
"""

import numpy as np
from numpy.typing import NDArray

from sweeper.training.types import PairedTexts

Numbers = NDArray[np.int64]


def kept_columns(
    pairs: PairedTexts, rows: Numbers, lengths: Numbers, max_length: int, columns: Numbers
) -> NDArray[np.int64]:
    """Return which token of its pair is in each column of a batch: (B, L).

    `lengths` (B,) are those of the pairs with the row numbers `rows`, in tokens, and `columns` is 0, 1, ... L - 1.
    """
    before, between, _ = pairs.special_tokens
    num_special = sum(pairs.special_tokens)
    first = pairs.first_lengths[rows].astype(np.int64)
    second = lengths - num_special - first
    kept_first = kept_of_first(first, second, max_length - num_special, pairs.first_has_odd[rows])
    kept_second = np.minimum(second, np.maximum(max_length - num_special, 0) - kept_first)
    end_of_first = (before + kept_first)[:, None]  # (B, 1), a column
    end_of_second = end_of_first + between + kept_second[:, None]
    left_out = np.where(columns >= end_of_first, (first - kept_first)[:, None], 0)  # (B, L)
    left_out += np.where(columns >= end_of_second, (second - kept_second)[:, None], 0)
    return columns + left_out


def kept_of_first(first: Numbers, second: Numbers, limit: int, first_has_odd: NDArray[np.bool_]) -> Numbers:
    """Return how many tokens of its first text each pair keeps (B,), if both texts may have `limit` tokens together.

    `first` and `second` (B,) are the tokens of the texts. A text within its half is complete, and the other one has the
    rest. Otherwise both have half; where `first_has_odd`, the first one has the token that cannot be halved.
    """
    limit = max(limit, 0)
    half = limit // 2 + limit % 2 * first_has_odd
    kept: Numbers = np.minimum(first, np.maximum(half, limit - second))
    return kept
