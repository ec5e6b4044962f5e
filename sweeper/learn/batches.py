"""Token arrays to padded batches of similar length.

Short texts padded to the longest of a random batch of 32 are half padding. Texts are therefore shuffled, sorted by
length within pools of many batches, cut into batches, and the batches shuffled: every epoch differs, and all of it is
a function of the seed and the epoch.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeper.ports import Split

_POOL = 50  # batches that are sorted together


class Batch:
    """Texts as the encoder takes them: ids and mask (B, L), labels (B,)."""

    def __init__(self, ids: Tensor, mask: Tensor, labels: Tensor) -> None:
        self.ids, self.mask, self.labels = ids, mask, labels

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        if device.type == "cpu":
            return self
        return Batch(*(part.pin_memory().to(device, non_blocking=True) for part in (self.ids, self.mask, self.labels)))


def shuffled(split: Split, size: int, max_length: int, *, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """The texts of each batch of one epoch, as row numbers; every text once, the last batch may be smaller."""
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(split))
    lengths = np.minimum(np.diff(split.starts), max_length)
    pool = size * _POOL
    for start in range(0, len(order), pool):
        rows = order[start : start + pool]
        order[start : start + pool] = rows[np.argsort(-lengths[rows], kind="stable")]
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[k] for k in generator.permutation(len(batches))]


def by_length(split: Split, size: int) -> Iterator[NDArray[np.int64]]:
    """The texts of each batch, longest first: for scoring, where the order does not matter."""
    order = np.argsort(-np.diff(split.starts), kind="stable")
    yield from (order[start : start + size] for start in range(0, len(order), size))


def collate(split: Split, rows: NDArray[np.int64], max_length: int, padding: int) -> Batch:
    """The texts in `rows`, cut to max_length with their last token ([SEP]) kept, padded to the longest of them."""
    starts, stops = split.starts[rows], split.starts[rows + 1]
    lengths = np.minimum(stops - starts, max_length)
    columns = np.arange(int(lengths.max()))
    mask = columns[None, :] < lengths[:, None]  # (B, L)
    ids = split.tokens[np.minimum(starts[:, None] + columns, stops[:, None] - 1)]
    ids[np.arange(len(rows)), lengths - 1] = split.tokens[stops - 1]
    ids = np.where(mask, ids, padding)
    return Batch(
        torch.from_numpy(ids.astype(np.int64)),
        torch.from_numpy(mask.astype(np.int64)),
        torch.from_numpy(split.labels[rows]),
    )


def truncated(split: Split, max_length: int) -> float:
    """The share of texts that are longer than max_length tokens."""
    return float((split.lengths > max_length).mean())
