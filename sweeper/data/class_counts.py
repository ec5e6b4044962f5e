"""The number of texts of each class in each split, and lines that show them."""

import statistics
from collections.abc import Iterator, Mapping, Sequence

from sweeper.data.label_arrays import count_labels
from sweeper.data.rows import LabelledTexts
from sweeper.wording import quote_value

_MAX_LISTED_CLASSES = 10  # classes that a line shows one by one

ClassCounts = Mapping[str, int]
"""Number of texts by class name, in the order of the classes; 0 for a class that the split lacks."""


def count_classes(rows: LabelledTexts, class_names: Sequence[str]) -> dict[str, int]:
    """Return the number of texts that have each class."""
    counts = count_labels(rows.labels, len(class_names))
    return dict(zip(class_names, counts.tolist(), strict=True))


def describe_class_counts(counts: Mapping[str, ClassCounts]) -> Iterator[str]:
    """Yield a line for each split: all its classes, or for many classes the smallest, the median and the largest."""
    for split, classes in counts.items():
        yield f"classes in {split}: {_describe(classes)}"


def _describe(counts: ClassCounts) -> str:
    sizes = list(counts.values())
    if len(set(sizes)) == 1:
        return f"{sizes[0]:,} texts in each of {len(sizes)}"
    if len(counts) <= _MAX_LISTED_CLASSES:
        return ", ".join(f"{quote_value(name)} {count:,}" for name, count in counts.items())
    smallest, largest = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    median = statistics.median_low(sizes)
    return (
        f"{len(counts):,}, from {quote_value(smallest)} {counts[smallest]:,} to {quote_value(largest)} "
        f"{counts[largest]:,}, median {median:,}"
    )
