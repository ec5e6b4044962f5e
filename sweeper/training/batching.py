"""Token arrays to padded batches of similar length.

Short texts padded to the longest of a random batch of 32 are half padding. Texts are therefore shuffled, sorted by
length within pools of many batches, cut into batches, and the batches shuffled: every epoch differs, and all of it is
a function of the seed and the epoch.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeper.training.types import TokenizedSplit

_POOL = 50  # batches that are sorted together


@dataclass(frozen=True)
class Batch:
    """Texts as the encoder takes them: ids, mask, and of pairs the token types (B, L); labels (B,)."""

    ids: Tensor
    mask: Tensor
    labels: Tensor
    types: Tensor | None = None

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        if device.type == "cpu":
            return self
        return self._each(lambda part: part.pin_memory().to(device, non_blocking=True))

    def repeat(self, views: int) -> "Batch":
        """Each text `views` times, one copy of the whole batch after the other."""
        return self if views == 1 else self._each(lambda part: part.repeat(views, *[1] * (part.dim() - 1)))

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        types = None if self.types is None else change(self.types)
        return Batch(change(self.ids), change(self.mask), change(self.labels), types)


def bucketed_batches(
    split: TokenizedSplit, size: int, max_length: int, *, seed: int, epoch: int
) -> list[NDArray[np.int64]]:
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


def sorted_batches(split: TokenizedSplit, size: int) -> Iterator[NDArray[np.int64]]:
    """The texts of each batch, longest first: for scoring, where the order does not matter."""
    order = np.argsort(-np.diff(split.starts), kind="stable")
    yield from (order[start : start + size] for start in range(0, len(order), size))


def collate(split: TokenizedSplit, rows: NDArray[np.int64], max_length: int, padding: int) -> Batch:
    """The texts in `rows`, cut to max_length with a closing [SEP] kept, padded to the longest of them."""
    starts, stops = split.starts[rows], split.starts[rows + 1]
    lengths = np.minimum(stops - starts, max_length)
    columns = np.arange(int(lengths.max()))
    mask = columns[None, :] < lengths[:, None]  # (B, L)
    places = np.minimum(starts[:, None] + columns, stops[:, None] - 1)
    if split.ends_with_separator:
        places[np.arange(len(rows)), lengths - 1] = stops - 1
    ids = np.where(mask, split.tokens[places], padding)
    types = None if split.token_types is None else np.where(mask, split.token_types[places], 0)
    return Batch(
        torch.from_numpy(ids.astype(np.int64)),
        torch.from_numpy(mask.astype(np.int64)),
        torch.from_numpy(split.labels[rows]),
        None if types is None else torch.from_numpy(types.astype(np.int64)),
    )


def truncated_share(split: TokenizedSplit, max_length: int) -> float:
    """The share of texts that are longer than max_length tokens."""
    return float((split.lengths > max_length).mean())
