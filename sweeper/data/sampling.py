"""Reproducible samples of rows that keep the share of each class: a subset of a split, and a validation split."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from sweeper.data.row_parsing import Row
from sweeper.data.rows import LabelledTexts

_VALIDATION_DIVISOR = 10  # one training row in ten goes to validation


def stratified_subset(rows: LabelledTexts, size: int | None) -> LabelledTexts:
    """Return at most `size` rows, in their order, with the share of each class kept. None returns all rows.

    The sample is the same every time.
    """
    if size is None or size >= len(rows):
        return rows
    classes, counts = np.unique(rows.labels, return_counts=True)
    exact_shares = counts * size / len(rows)
    shares = np.floor(exact_shares).astype(int)
    largest_remainders = np.argsort(shares - exact_shares, kind="stable")[: size - shares.sum()]
    shares[largest_remainders] += 1
    generator = np.random.default_rng(0)
    drawn = [
        generator.permutation(np.flatnonzero(rows.labels == number))[:share]
        for number, share in zip(classes, shares, strict=True)
    ]
    indices = np.sort(np.concatenate(drawn))
    pairs = None if rows.pairs is None else [rows.pairs[index] for index in indices]
    return LabelledTexts([rows.texts[index] for index in indices], rows.labels[indices], pairs)


def hold_out_validation(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Split training rows into training and validation rows, the same way every time.

    Validation gets a tenth of each class, and at least one row of every class that has two.
    """
    indices_by_class: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        indices_by_class[row.label].append(index)
    generator = np.random.default_rng(0)
    held_out: set[int] = set()
    for indices in indices_by_class.values():
        count = max(1, round(len(indices) / _VALIDATION_DIVISOR)) if len(indices) > 1 else 0
        held_out.update(generator.permutation(indices)[:count].tolist())
    training = [row for index, row in enumerate(rows) if index not in held_out]
    return training, [row for index, row in enumerate(rows) if index in held_out]
