"""Notes for the user about texts that occur in several splits, or with several labels."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from sweeper.data.equal_texts import comparable_texts
from sweeper.data.rows import LabelledTexts


def describe_overlaps(splits: Mapping[str, LabelledTexts]) -> Iterator[str]:
    """Yield a line about texts in several splits and a line about texts with several labels, if there are any."""
    splits_of: dict[str, set[str]] = defaultdict(set)
    labels_of: dict[str, set[int]] = defaultdict(set)
    for split, rows in splits.items():
        for text, label in zip(comparable_texts(rows), rows.labels.tolist(), strict=True):
            splits_of[text].add(split)
            labels_of[text].add(label)
    counts = Counter(tuple(split for split in splits if split in text_splits) for text_splits in splits_of.values())
    shared = [(names, count) for names, count in counts.most_common() if len(names) > 1]
    if shared:
        listed = ", ".join(f"{count:,} in {' and '.join(names)}" for names, count in shared)
        yield f"texts that occur in several splits, and stay there: {listed}"
    ambiguous = sum(len(labels) > 1 for labels in labels_of.values())
    if ambiguous:
        yield f"texts with more than one label, kept with each: {ambiguous:,}"
