"""The facts about a data set that are shown before training, and those that readers of its scores must know."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.data.class_counts import count_classes, describe_class_counts
from sweeper.data.class_warnings import class_warnings, missing_classes
from sweeper.data.dataset_spec import SPLITS
from sweeper.data.equal_texts import number_equal_texts
from sweeper.data.label_arrays import number_labels
from sweeper.data.overlaps import describe_repeats, shared_test_texts
from sweeper.data.preprocessing import PreparedDataset, split_summaries
from sweeper.data.rows import LabelledTexts


@dataclass(frozen=True)
class DatasetDescription:
    """Short lines about the rows that a sweep uses.

    `facts` are sizes, classes and repeated texts. `warnings` are things that may be mistakes. `test_warnings`, which
    are among them, belong to every publication of test scores. `class_counts` has the texts by split and class.
    """

    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    test_warnings: tuple[str, ...]
    class_counts: Mapping[str, Mapping[str, int]]


def describe_dataset(dataset: PreparedDataset) -> DatasetDescription:
    """Return what is to be said about the rows of a data set."""
    splits = {split: dataset.splits[split] for split in SPLITS if split in dataset.splits}
    counts = {split: count_classes(rows, dataset.class_names) for split, rows in splits.items()}
    texts = dict(zip(splits, number_equal_texts(list(splits.values())), strict=True))
    labels = _number_labels(splits)
    lacking = missing_classes("test", counts.get("test", {}))
    test_warnings = [*dataset.left_out_of_test, *shared_test_texts(texts), *lacking]
    warnings = [*_text_warnings(splits["train"]), *class_warnings(counts), *test_warnings]
    return DatasetDescription(
        facts=(
            f"{', '.join(_sizes(splits))}, {len(dataset.class_names):,} classes",
            *describe_class_counts(counts),
            *_describe_label_sets(splits),
            *dataset.notes,
            *describe_repeats(texts, labels),
        ),
        warnings=tuple(dict.fromkeys(warnings)),
        test_warnings=tuple(test_warnings),
        class_counts=counts,
    )


def summarize_splits(dataset: PreparedDataset, description: DatasetDescription) -> dict[str, dict[str, Any]]:
    """Return what a sweep keeps of each split: texts, digest and classes, and of test what its readers must know."""
    summaries = split_summaries(dataset)
    for split, classes in description.class_counts.items():
        summaries[split]["classes"] = dict(classes)
    if "test" in summaries:
        summaries["test"]["warnings"] = list(description.test_warnings)
    return summaries


def _sizes(splits: Mapping[str, LabelledTexts]) -> Iterator[str]:
    yield from (f"{len(rows):,} texts in {split}" for split, rows in splits.items())
    if "test" not in splits:
        yield "no test split"


def _number_labels(splits: Mapping[str, LabelledTexts]) -> dict[str, NDArray[np.int64]]:
    """Return a number for the labels of each row, by split. Equal ones have the same number in all splits."""
    numbers = number_labels(np.concatenate([rows.labels for rows in splits.values()]))
    ends = np.cumsum([len(rows) for rows in splits.values()])
    return dict(zip(splits, np.split(numbers, ends[:-1]), strict=True))


def _describe_label_sets(splits: Mapping[str, LabelledTexts]) -> Iterator[str]:
    """Yield the mean number of labels, and the texts without one, if texts have any number of labels."""
    sizes = {split: rows.labels.sum(axis=1) for split, rows in splits.items() if rows.labels.ndim == 2}
    if sizes:
        means = ", ".join(f"{size.mean():.2f} in {split}" for split, size in sizes.items())
        yield f"labels of a text, on average: {means}"
    unlabelled = {split: count for split, size in sizes.items() if (count := int((size == 0).sum()))}
    if unlabelled:
        listed = ", ".join(f"{count:,} in {split}" for split, count in unlabelled.items())
        yield f"texts without a label: {listed}"


def _text_warnings(train: LabelledTexts) -> Iterator[str]:
    """Yield a warning if the texts are nothing but numbers, as in a column of ids."""
    if train.pairs is None and all(text.replace(".", "", 1).lstrip("-").isdecimal() for text in train.texts):
        yield f"every text in train is a number, such as {train.texts[0]}; is `text` the right column?"
