"""Reproducible samples of rows that keep the share of each class: a subset of a split, and a validation split.

Rows with equal texts (equal_texts.py) form a group, and a group is drawn whole or not at all. So no text of a
validation split made from training rows stays in the training split. Of a text with several labels, the rarest one
counts as its class.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.data.equal_texts import number_equal_texts
from sweeper.data.label_arrays import present_classes, rows_of_class, strata
from sweeper.data.rows import LabelledTexts

_VALIDATION_DIVISOR = 10  # one training row in ten goes to validation

ClassCounts = Mapping[int, int]
"""Number of rows by class number."""


def stratified_subset(rows: LabelledTexts, size: int | None) -> LabelledTexts:
    """Return at most `size` rows, in their order, with the share of each class kept. None returns all rows.

    Each class of the rows keeps at least one text where `size` has room for it; the largest classes make room for
    those whose share is less than a text. The sample is the same every time. It is smaller than `size` if no group of
    equal texts fits into the rest.
    """
    if size is None or size >= len(rows):
        return rows
    classes, counts = np.unique(strata(rows.labels), return_counts=True)
    exact_shares = counts * size / len(rows)
    shares = np.floor(exact_shares).astype(int)
    largest_remainders = np.argsort(shares - exact_shares, kind="stable")[: size - shares.sum()]
    shares[largest_remainders] += 1
    quotas: dict[int, int] = dict(zip(classes.tolist(), shares.tolist(), strict=True))
    sample = _GroupSample(rows)
    sample.draw(quotas)
    sample.represent_missing_classes(lambda group: sample.size + sum(group.values()) <= size)
    sample.fill(size)
    present = present_classes(rows.labels)
    if sample.count_classes() < len(present) <= size:
        sample = max(sample, _sample_of_all_classes(rows, present, quotas, size), key=_GroupSample.count_classes)
    return rows.take(np.flatnonzero(sample.drawn))


def _sample_of_all_classes(
    rows: LabelledTexts, present: Sequence[int], quotas: ClassCounts, size: int
) -> "_GroupSample":
    """Return a sample of at most `size` rows that begins with a text of each class in `present`, as far as they fit."""
    sample = _GroupSample(rows)
    sample.represent_each(present, size)
    larger = {label: max(quota, sample.counts[label]) for label, quota in quotas.items()}
    while sum(larger.values()) > size:
        larger[max(larger, key=lambda label: larger[label] - sample.counts[label])] -= 1
    sample.draw(larger)
    sample.fill(size)
    return sample


def hold_out_validation(rows: LabelledTexts) -> tuple[LabelledTexts, LabelledTexts]:
    """Split training rows into training and validation rows, the same way every time.

    Validation gets a tenth of each class, and at least one text of every class that has two different ones. Equal texts
    stay together, so the shares are as near to a tenth as their groups allow.
    """
    return hold_out(rows, 1 / _VALIDATION_DIVISOR)


def hold_out(rows: LabelledTexts, share: float, seed: int = 0) -> tuple[LabelledTexts, LabelledTexts]:
    """Split rows into those that stay and those that are held out, the same way every time for the same seed.

    Held out is the share of each class, as in `hold_out_validation`.
    """
    sample = _GroupSample(rows, seed)
    class_sizes = Counter(strata(rows.labels).tolist())
    sample.draw({label: max(1, round(count * share)) if count > 1 else 0 for label, count in class_sizes.items()})
    sample.represent_missing_classes(
        lambda group: all(sample.counts[label] + count < class_sizes[label] for label, count in group.items())
    )
    return rows.take(np.flatnonzero(~sample.drawn)), rows.take(np.flatnonzero(sample.drawn))


class _GroupSample:
    """A sample of rows, drawn group by group. A group has the rows with one text.

    `drawn` is True for the rows of the sample, (N,), `size` their number, `counts` the number of each class. Of a text
    with several labels, `labels` (N,) has the rarest one.
    """

    def __init__(self, rows: LabelledTexts, seed: int = 0) -> None:
        self.given_labels = rows.labels
        self.labels = strata(rows.labels)
        self.seed = seed
        (groups,) = number_equal_texts([rows])
        self.group_sizes = np.bincount(groups)
        self.groups: list[int] = groups.tolist()
        self.members = np.argsort(groups, kind="stable")  # group by group
        self.ends = np.cumsum(self.group_sizes)
        self.drawn = np.zeros(len(rows), np.bool_)
        self.size = 0
        self.counts: Counter[int] = Counter()
        self.order: list[int] = []  # the order in which rows were considered
        self.quotas: ClassCounts = {}

    def draw(self, quotas: ClassCounts) -> None:
        """Draw groups in random order, class by class, as long as no class has more rows than its quota."""
        self.quotas = quotas
        generator = np.random.default_rng(self.seed)
        for label in quotas:
            permuted: list[int] = generator.permutation(self._rows_of(label)).tolist()
            self.order += permuted
            for index in permuted:
                if self.counts[label] >= quotas[label]:
                    break
                self._take_if(index, self._keeps_quotas)

    def represent_missing_classes(self, fits: Callable[[ClassCounts], bool]) -> None:
        """Draw the smallest group that `fits` for each class that has a quota and no row. It gets rows by class."""
        groups = np.array(self.groups)
        for label, quota in self.quotas.items():
            if quota and not self.counts[label]:
                for index in self._by_group_size(groups, self._rows_of(label)).tolist():
                    if self._take_if(index, fits):
                        break

    def represent_each(self, classes: Sequence[int], size: int) -> None:
        """Draw a group that has each class, the smallest groups first, as long as the sample has at most `size` rows.

        A text with several labels represents all of them.
        """
        groups = np.array(self.groups)
        smallest = {label: self._by_group_size(groups, rows_of_class(self.given_labels, label)) for label in classes}
        for label in sorted(classes, key=lambda label: self.group_sizes[groups[smallest[label][0]]]):
            if not self.drawn[smallest[label]].any():
                self._take_if(int(smallest[label][0]), lambda group: self.size + sum(group.values()) <= size)

    def _by_group_size(self, groups: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return rows (M,) ordered by the size of their groups. `groups` (N,) has the group of each row."""
        return rows[np.argsort(self.group_sizes[groups[rows]], kind="stable")]

    def count_classes(self) -> int:
        """Return the number of classes that the sample has."""
        return len(present_classes(self.given_labels[self.drawn]))

    def fill(self, size: int) -> None:
        """Draw further groups as long as the sample has at most `size` rows."""
        for index in self.order:
            if self.size >= size:
                return
            self._take_if(index, lambda group: self.size + sum(group.values()) <= size)

    def _rows_of(self, label: int) -> NDArray[np.int64]:
        return np.flatnonzero(self.labels == label)

    def _keeps_quotas(self, group: ClassCounts) -> bool:
        return all(self.counts[label] + count <= self.quotas[label] for label, count in group.items())

    def _take_if(self, index: int, fits: Callable[[ClassCounts], bool]) -> bool:
        """Draw the group of a row if it is not drawn yet and fits. Return True if it was drawn now."""
        if self.drawn[index]:
            return False
        group = self.groups[index]
        end = self.ends[group]
        members = self.members[end - self.group_sizes[group] : end]
        rows_by_class = Counter(self.labels[members].tolist())
        if not fits(rows_by_class):
            return False
        self.drawn[members] = True
        self.size += len(members)
        self.counts.update(rows_by_class)
        return True
