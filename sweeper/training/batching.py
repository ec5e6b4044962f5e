"""Turn token arrays into padded batches of texts of similar length.

If most texts are short, a random batch of 32 texts, padded to its longest, is half padding. Therefore texts are
shuffled, sorted by length within groups of many batches, and cut into batches, and the batches are shuffled. Every
epoch differs. The batches depend only on the seed and the epoch.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeper.data.label_arrays import count_labels
from sweeper.training.class_batches import deal_by_class
from sweeper.training.pair_truncation import kept_columns
from sweeper.training.types import TokenizedSplit

_GROUP_BATCHES = 50  # batches that are sorted together


@dataclass(frozen=True)
class Batch:
    """Texts as the encoder takes them: ids, mask and, for pairs, token types (B, L); labels (B,) or (B, C)."""

    ids: Tensor
    mask: Tensor
    labels: Tensor
    token_types: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """Return the same batch on a device."""
        if device.type == "cpu":
            return self
        if device.type != "cuda":
            return self._map(lambda tensor: tensor.to(device))
        return self._map(lambda tensor: tensor.pin_memory().to(device, non_blocking=True))

    def repeat(self, passes: int) -> "Batch":
        """Return the batch `passes` times, one copy of the whole batch after the other: tensors of passes · B rows."""
        return self if passes == 1 else self._map(lambda tensor: tensor.repeat(passes, *[1] * (tensor.dim() - 1)))

    def _map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        token_types = None if self.token_types is None else function(self.token_types)
        return Batch(function(self.ids), function(self.mask), function(self.labels), token_types)


def bucketed_batches(
    split: TokenizedSplit, size: int, max_length: int, *, seed: int, epoch: int, texts_per_class: int = 1
) -> list[NDArray[np.int64]]:
    """Return the row numbers of each batch of one epoch. Every text comes once; the last batch may be smaller.

    A class that occurs in a batch has at least `texts_per_class` texts there, as far as the last texts allow.
    """
    generator = np.random.default_rng([seed, epoch])
    lengths = np.minimum(np.diff(split.starts), max_length)
    group_size = size * _GROUP_BATCHES
    if texts_per_class > 1:
        dealt = deal_by_class(split.labels, lengths, size, texts_per_class, group_size, generator)
        return [dealt[k] for k in generator.permutation(len(dealt))]
    order = generator.permutation(len(split))
    for start in range(0, len(order), group_size):
        rows = order[start : start + group_size]
        order[start : start + group_size] = rows[np.argsort(-lengths[rows], kind="stable")]
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[k] for k in generator.permutation(len(batches))]


def sorted_batches(split: TokenizedSplit, size: int) -> Iterator[NDArray[np.int64]]:
    """Yield the row numbers of each batch, longest texts first: for scoring, where the order does not matter."""
    order = np.argsort(-np.diff(split.starts), kind="stable")
    yield from (order[start : start + size] for start in range(0, len(order), size))


def collate(split: TokenizedSplit, rows: NDArray[np.int64], max_length: int, padding: int) -> Batch:
    """Return the texts with the row numbers `rows` as a batch (B, L), where L is the length of its longest text.

    Texts are cut to max_length tokens, keep their closing [SEP], and are padded with the number `padding`. Of a pair,
    the longer text is cut, as by its tokenizer.
    """
    starts, stops = split.starts[rows], split.starts[rows + 1]
    lengths = np.minimum(stops - starts, max_length)
    columns = np.arange(int(lengths.max()))
    mask = columns[None, :] < lengths[:, None]  # (B, L)
    kept = columns if split.pairs is None else kept_columns(split.pairs, rows, stops - starts, max_length, columns)
    positions = np.minimum(starts[:, None] + kept, stops[:, None] - 1)  # (B, L), in split.tokens
    if split.pairs is None and split.ends_with_separator:
        positions[np.arange(len(rows)), lengths - 1] = stops - 1
    ids = np.where(mask, split.tokens[positions], padding)
    token_types = None if split.token_types is None else np.where(mask, split.token_types[positions], 0)
    return Batch(
        torch.from_numpy(ids.astype(np.int64)),
        torch.from_numpy(mask.astype(np.int64)),
        torch.from_numpy(split.labels[rows]),
        None if token_types is None else torch.from_numpy(token_types.astype(np.int64)),
    )


def mean_classes(split: TokenizedSplit, batches: list[NDArray[np.int64]]) -> float:
    """Return the mean number of classes in a batch."""
    return float(np.mean([np.count_nonzero(count_labels(split.labels[rows], 1)) for rows in batches]))


def truncated_share(split: TokenizedSplit, max_length: int) -> float:
    """Return the share of texts that are longer than max_length tokens."""
    return float((split.lengths > max_length).mean())
