"""Batches in which each class that occurs has several texts, so that anchors have positives.

With 32 balanced classes and 32 texts in a random batch, 37 % of the anchors have no positive. Here a batch is filled
class by class. Each text still comes once in an epoch, and there are as many batches as without this.
"""

import math
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Rows = list[int]


def deal_by_class(
    labels: NDArray[np.int64], lengths: NDArray[np.int64], size: int, per_class: int, group: int,
    generator: np.random.Generator,
) -> list[NDArray[np.int64]]:  # fmt: skip
    """Return the row numbers of each batch, so that a class in a batch has at least `per_class` texts there.

    `labels` and `lengths` (N,) are those of the texts. Each text comes once, in ceil(N / size) batches of at most
    `size` texts. Texts of similar length share a batch: they are drawn from `group` texts at a time, longest first, and
    from more where these would leave a class with too few. A class with fewer texts than `per_class` has all of them in
    one batch. At the end of an epoch, if the last texts do not fit otherwise, a class can have fewer.
    """
    num_batches = math.ceil(len(labels) / size)
    dealer = _Dealer(labels, lengths, per_class, group, generator)
    batches: list[Rows] = []
    remaining = len(labels)
    for later_batches in reversed(range(num_batches)):
        if dealer.count < 2 * size:
            dealer.refill(group)
        batches.append(dealer.deal(min(size, dealer.count), fewest=remaining - later_batches * size))
        remaining -= len(batches[-1])
    return [np.array(batch, dtype=np.int64) for batch in batches]


def _chunks(labels: NDArray[np.int64], per_class: int, generator: np.random.Generator) -> Iterator[Rows]:
    """Yield all texts in random order, in chunks of one class: of `per_class` texts, or a few more at a class's end."""
    order = generator.permutation(len(labels))
    chunks: list[Rows] = []
    for label in np.unique(labels):
        rows = order[labels[order] == label].tolist()
        num_chunks = max(1, len(rows) // per_class)
        stops = [per_class * k for k in range(1, num_chunks)]
        chunks += [list(chunk) for chunk in np.split(np.array(rows), stops)]
    yield from (chunks[k] for k in generator.permutation(len(chunks)))


class _Dealer:
    """Texts in piles by class, longest on top, and the batches that are dealt from them.

    A pile is empty or has at least `per_class` texts, as far as that is possible.
    """

    def __init__(
        self, labels: NDArray[np.int64], lengths: NDArray[np.int64], per_class: int, group: int,
        generator: np.random.Generator,
    ) -> None:  # fmt: skip
        self.labels, self.per_class, self.group, self.generator = labels, per_class, group, generator
        self.lengths: list[int] = lengths.tolist()
        self.chunks = _chunks(labels, per_class, generator)
        self.piles: defaultdict[int, Rows] = defaultdict(list)
        self.count = 0  # texts in all piles

    def refill(self, limit: int) -> bool:
        """Put chunks on the piles of their classes until there are `limit` texts. Return False if no chunk was left."""
        before = self.count
        while self.count < limit and (chunk := next(self.chunks, None)):
            self.piles[int(self.labels[chunk[0]])] += chunk
            self.count += len(chunk)
        for rows in self.piles.values():
            rows.sort(key=self.lengths.__getitem__, reverse=True)
        return self.count > before

    def deal(self, size: int, fewest: int) -> Rows:
        """Take a batch of `size` texts, or of as few as `fewest` if that keeps a class together."""
        batch: Rows = []
        classes: set[int] = set()
        while space := size - len(batch):
            choice = self._choose(space, classes)
            while choice is None and len(batch) < fewest and self.refill(self.count + self.group):
                choice = self._choose(space, classes)
            if choice is None and len(batch) >= fewest:
                break
            label, number = choice or self._choose_anyhow(space, classes)
            batch += self._take(label, number)
            classes.add(label)
        return batch

    def _choose(self, space: int, classes: set[int]) -> tuple[int, int] | None:
        """Return a class and how many of its texts to take, or None if every choice would leave too few somewhere."""
        options = [
            (label, number)
            for label, rows in self.piles.items()
            if (number := self._fitting_number(len(rows), space, is_in_batch=label in classes))
        ]
        if not options:
            return None
        sizes = np.array([len(self.piles[label]) for label, _ in options], dtype=float)
        return options[self.generator.choice(len(options), p=sizes / sizes.sum())]

    def _fitting_number(self, pile: int, space: int, *, is_in_batch: bool) -> int:
        """Return the smallest number to take that leaves nothing or enough in the pile and in the batch; 0 if none."""
        fewest = 1 if is_in_batch else min(self.per_class, pile)
        numbers = range(fewest, min(pile, space, 2 * self.per_class) + 1)
        if 0 < pile <= space and pile < 2 * self.per_class:
            numbers = range(pile, pile + 1)
        enough = [0, *range(self.per_class, max(pile, space) + 1)]
        return next((k for k in numbers if pile - k in enough and space - k in enough), 0)

    def _choose_anyhow(self, space: int, classes: set[int]) -> tuple[int, int]:
        """Return a class of the batch if one has texts left, otherwise the largest one, and how many to take."""
        labels_with_texts = [label for label in classes if self.piles.get(label)]
        label = max(labels_with_texts or self.piles, key=lambda candidate: len(self.piles[candidate]))
        return label, min(space, len(self.piles[label]))

    def _take(self, label: int, number: int) -> Rows:
        rows, self.piles[label] = self.piles[label][:number], self.piles[label][number:]
        if not self.piles[label]:
            del self.piles[label]
        self.count -= number
        return rows
