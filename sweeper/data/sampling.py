"""Reproducible samples of rows that keep the share of each class: a subset of a split, and a validation split.

Rows with equal texts (equal_texts.py) form a group, and a group is drawn whole or not at all. So no text of a
validation split made from training rows stays in the training split.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np

from sweeper.data.equal_texts import comparable_text, comparable_texts
from sweeper.data.row_parsing import Row
from sweeper.data.rows import LabelledTexts

_VALIDATION_DIVISOR = 10  # one training row in ten goes to validation

ClassCounts = Counter[Hashable]


def stratified_subset(rows: LabelledTexts, size: int | None) -> LabelledTexts:
    """Return at most `size` rows, in their order, with the share of each class kept. None returns all rows.

    The sample is the same every time. It is smaller than `size` if no group of equal texts fits into the rest.
    """
    if size is None or size >= len(rows):
        return rows
    classes, counts = np.unique(rows.labels, return_counts=True)
    exact_shares = counts * size / len(rows)
    shares = np.floor(exact_shares).astype(int)
    largest_remainders = np.argsort(shares - exact_shares, kind="stable")[: size - shares.sum()]
    shares[largest_remainders] += 1
    sample = _GroupSample(comparable_texts(rows), rows.labels.tolist())
    sample.draw(dict(zip(classes.tolist(), shares.tolist(), strict=True)))
    sample.represent_missing_classes(lambda group: len(sample.drawn) + group.total() <= size)
    sample.fill(size)
    indices = sorted(sample.drawn)
    pairs = None if rows.pairs is None else [rows.pairs[index] for index in indices]
    return LabelledTexts([rows.texts[index] for index in indices], rows.labels[indices], pairs)


def hold_out_validation(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Split training rows into training and validation rows, the same way every time.

    Validation gets a tenth of each class, and at least one text of every class that has two different ones. Equal texts
    stay together, so the shares are as near to a tenth as their groups allow.
    """
    sample = _GroupSample([comparable_text(*row.texts) for row in rows], [row.label for row in rows])
    sample.draw({label: _tenth(count) for label, count in sample.class_sizes.items()})
    sample.represent_missing_classes(lambda group: all(
        sample.counts[label] + count < sample.class_sizes[label] for label, count in group.items()
    ))  # fmt: skip
    training = [row for index, row in enumerate(rows) if index not in sample.drawn]
    return training, [row for index, row in enumerate(rows) if index in sample.drawn]


def _tenth(count: int) -> int:
    return max(1, round(count / _VALIDATION_DIVISOR)) if count > 1 else 0


class _GroupSample:
    """A sample of rows, drawn group by group. `drawn` has the indices of its rows, `counts` the rows of each class."""

    def __init__(self, texts: Sequence[str], labels: Sequence[Hashable]) -> None:
        self.texts, self.labels = texts, labels
        self.groups: dict[str, list[int]] = defaultdict(list)  # indices of the rows with this text
        self.class_rows: dict[Hashable, list[int]] = defaultdict(list)  # indices of the rows of this class
        for index, (text, label) in enumerate(zip(texts, labels, strict=True)):
            self.groups[text].append(index)
            self.class_rows[label].append(index)
        self.class_sizes: ClassCounts = Counter(labels)
        self.drawn: set[int] = set()
        self.counts: ClassCounts = Counter()
        self.order: list[int] = []  # the order in which rows were considered
        self.quotas: Mapping[Hashable, int] = {}

    def draw(self, quotas: Mapping[Hashable, int]) -> None:
        """Draw groups in random order, class by class, as long as no class has more rows than its quota."""
        self.quotas = quotas
        generator = np.random.default_rng(0)
        for label in quotas:
            permuted = generator.permutation(self.class_rows[label]).tolist()
            self.order += permuted
            for index in permuted:
                if self.counts[label] >= quotas[label]:
                    break
                self._take_if(index, self._keeps_quotas)

    def represent_missing_classes(self, fits: Callable[[ClassCounts], bool]) -> None:
        """Draw the smallest group that `fits` for each class that has a quota and no row. It gets rows by class."""
        for label, quota in self.quotas.items():
            if quota and not self.counts[label]:
                for index in sorted(self.class_rows[label], key=lambda index: len(self.groups[self.texts[index]])):
                    if self._take_if(index, fits):
                        break

    def fill(self, size: int) -> None:
        """Draw further groups as long as the sample has at most `size` rows."""
        for index in self.order:
            if len(self.drawn) >= size:
                return
            self._take_if(index, lambda group: len(self.drawn) + group.total() <= size)

    def _keeps_quotas(self, group: ClassCounts) -> bool:
        return all(self.counts[label] + count <= self.quotas[label] for label, count in group.items())

    def _take_if(self, index: int, fits: Callable[[ClassCounts], bool]) -> bool:
        """Draw the group of a row if it is not drawn yet and fits. Return True if it was drawn now."""
        group = self.groups[self.texts[index]]
        rows_by_class = Counter(self.labels[member] for member in group)
        if index in self.drawn or not fits(rows_by_class):
            return False
        self.drawn.update(group)
        self.counts.update(rows_by_class)
        return True
