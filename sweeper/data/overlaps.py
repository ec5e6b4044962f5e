"""Notes for the user about texts that occur more than once: in one split, in several splits, or with several labels.

Texts are compared as in equal_texts.py.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

MAX_SHARED_TEST_TEXTS = 0.01  # the share of test texts in train or validation above which readers are warned

TextNumbers = Mapping[str, NDArray[np.int64]]
"""By split a number for each row, (N,). Equal texts have the same. Numbers count from 0 in order of appearance."""


def describe_repeats(texts: TextNumbers, labels: Mapping[str, NDArray[np.int64]]) -> Iterator[str]:
    """Yield lines about rows that repeat a text, texts with different labels, and texts in several splits, if any.

    `labels` has a number for the label, or the label set, of each row.
    """
    repeats = {split: len(numbers) - len(np.unique(numbers)) for split, numbers in texts.items()}
    if any(repeats.values()):
        listed = ", ".join(f"{count:,} in {split}" for split, count in repeats.items() if count)
        yield f"rows that repeat an earlier text of their split: {listed}"
    ambiguous = count_conflicts(
        np.concatenate(list(texts.values())), np.concatenate([labels[split] for split in texts])
    )
    if ambiguous:
        yield f"texts with more than one label, kept with each: {ambiguous:,}"
    yield from _texts_in_several_splits(texts)


def count_conflicts(texts: NDArray[np.int64], labels: NDArray[np.int64]) -> int:
    """Return the number of texts with more than one label. Both arguments have a number for each row, (N,)."""
    classes = int(labels.max(initial=0)) + 1
    return int((np.bincount(np.unique(texts * classes + labels) // classes) > 1).sum())


def _texts_in_several_splits(texts: TextNumbers) -> Iterator[str]:
    size = max(int(numbers.max(initial=-1)) for numbers in texts.values()) + 1
    splits_of = np.zeros(size, np.int64)  # for each text a bit for each split that has it
    for position, numbers in enumerate(texts.values()):
        splits_of[numbers] |= 1 << position
    kinds, firsts, counts = np.unique(splits_of, return_index=True, return_counts=True)
    listed = [
        f"{counts[k]:,} in {' and '.join(names)}"
        for k in np.lexsort([firsts, -counts])
        if len(names := [split for position, split in enumerate(texts) if kinds[k] >> position & 1]) > 1
    ]
    if listed:
        yield f"texts that occur in several splits, and stay there: {', '.join(listed)}"


def shared_test_texts(texts: TextNumbers) -> Iterator[str]:
    """Yield a warning if more than 1 % of the test texts occur in train or validation too."""
    if "test" not in texts:
        return
    test = texts["test"]
    shared = int(np.isin(test, np.concatenate([texts["train"], texts["validation"]])).sum())
    if shared > MAX_SHARED_TEST_TEXTS * len(test):
        yield (
            f"{shared / len(test):.1%} of the test texts ({shared:,} of {len(test):,}) are in train or validation too, "
            "so test scores may be too high"
        )
