"""Notes for the user about texts that occur more than once: in one split, in several splits, or with several labels.

Texts are compared as in equal_texts.py.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

MAX_SHARED_TEST_TEXTS = 0.01  # the share of test texts in train or validation above which readers are warned

Texts = Mapping[str, Sequence[str]]
"""Comparable texts by split."""


def describe_repeats(texts: Texts, labels: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """Yield lines about rows that repeat a text, texts with several labels, and texts in several splits, if any."""
    repeats = {split: len(values) - len(set(values)) for split, values in texts.items()}
    if any(repeats.values()):
        listed = ", ".join(f"{count:,} in {split}" for split, count in repeats.items() if count)
        yield f"rows that repeat an earlier text of their split: {listed}"
    labels_of: dict[str, set[int]] = defaultdict(set)
    for split, values in texts.items():
        for text, label in zip(values, labels[split], strict=True):
            labels_of[text].add(label)
    ambiguous = sum(len(text_labels) > 1 for text_labels in labels_of.values())
    if ambiguous:
        yield f"texts with more than one label, kept with each: {ambiguous:,}"
    yield from _texts_in_several_splits(texts)


def _texts_in_several_splits(texts: Texts) -> Iterator[str]:
    splits_of: dict[str, list[str]] = defaultdict(list)
    for split, values in texts.items():
        for text in dict.fromkeys(values):  # in their order, so that the line is always the same
            splits_of[text].append(split)
    shared = Counter(tuple(splits) for splits in splits_of.values() if len(splits) > 1)
    if shared:
        listed = ", ".join(f"{count:,} in {' and '.join(names)}" for names, count in shared.most_common())
        yield f"texts that occur in several splits, and stay there: {listed}"


def shared_test_texts(texts: Texts) -> Iterator[str]:
    """Yield a warning if more than 1 % of the test texts occur in train or validation too."""
    test = texts.get("test", ())
    known = set(texts["train"]) | set(texts["validation"])
    shared = sum(text in known for text in test)
    if shared > MAX_SHARED_TEST_TEXTS * len(test):
        yield (
            f"{shared / len(test):.1%} of the test texts ({shared:,} of {len(test):,}) are in train or validation too, "
            "so test scores may be too high"
        )
