"""Before training a data set is described in a few lines: sizes, classes, repeated texts, and possible mistakes."""

import numpy as np
import pytest

from sweeper.data.dataset_description import DatasetDescription, describe_dataset, summarize_splits
from sweeper.data.preprocessing import PreparedDataset
from sweeper.data.rows import LabelledTexts

NAMES = ("up", "down")


def describe(names: tuple[str, ...] = NAMES, **splits: list[tuple[str, int]]) -> DatasetDescription:
    return describe_dataset(dataset(names, **splits))


def dataset(names: tuple[str, ...] = NAMES, **splits: list[tuple[str, int]]) -> PreparedDataset:
    rows = {
        split: LabelledTexts([text for text, _ in pairs], np.array([label for _, label in pairs], dtype=np.int64))
        for split, pairs in splits.items()
    }
    return PreparedDataset(rows, names)


def texts(prefix: str, count: int, classes: int = 2) -> list[tuple[str, int]]:
    return [(f"{prefix} {k}", k % classes) for k in range(count)]


def test_sizes_and_classes_of_each_split_are_facts() -> None:
    described = describe(train=texts("a", 20), test=texts("c", 7), validation=texts("b", 10))
    assert described.facts == (
        "20 texts in train, 10 texts in validation, 7 texts in test, 2 classes",
        "classes in train: 10 texts in each of 2",
        "classes in validation: 5 texts in each of 2",
        "classes in test: up 4, down 3",
    )
    assert described.warnings == described.test_warnings == ()
    assert described.class_counts["test"] == {"up": 4, "down": 3}


def test_a_missing_test_split_is_said() -> None:
    described = describe(train=texts("a", 20), validation=texts("b", 10))
    assert described.facts[0] == "20 texts in train, 10 texts in validation, no test split, 2 classes"


def test_many_classes_are_a_line_with_the_smallest_the_median_and_the_largest() -> None:
    names = tuple(f"class {k}" for k in range(30))
    train = [(f"text {k} {c}", k) for k in range(30) for c in range(10 + k)]
    described = describe(names, train=train, validation=train[::3], test=train[::5])
    assert described.facts[1] == "classes in train: 30, from class 0 10 to class 29 39, median 24"


def test_repeated_texts_and_texts_with_several_labels_are_counted() -> None:
    described = describe(
        train=[("One  film", 0), ("two", 1), ("three", 0), ("three", 1), *texts("a", 90)],
        validation=[("one FILM", 0), *texts("b", 20)],
        test=[("Two", 0), *texts("c", 200)],
    )
    assert described.facts[-3:] == (
        "rows that repeat an earlier text of their split: 1 in train",
        "texts with more than one label, kept with each: 2",
        "texts that occur in several splits, and stay there: 1 in train and validation, 1 in train and test",
    )
    assert described.test_warnings == ()  # one of 201 is less than the share that readers are warned of


@pytest.mark.parametrize("source", ["train", "validation"])
@pytest.mark.parametrize(("shared", "is_warned"), [(1, False), (2, True), (100, True)])
def test_test_texts_in_other_splits_beyond_one_percent_are_a_warning(source: str, shared: int, is_warned: bool) -> None:
    splits = {"train": texts("a", 100), "validation": texts("b", 100)}
    copies = [(f"{text.upper()} ", label) for text, label in splits[source][:shared]]
    described = describe(
        train=splits["train"], validation=splits["validation"], test=[*copies, *texts("c", 100 - shared)]
    )
    expected = [
        f"{shared}.0% of the test texts ({shared} of 100) are in train or validation too, "
        "so test scores may be too high"
    ]
    assert list(described.test_warnings) == (expected if is_warned else [])
    assert described.warnings == described.test_warnings


def test_a_class_that_test_lacks_is_said_once_and_kept_for_readers() -> None:
    prepared = dataset(train=texts("a", 20), validation=texts("b", 10), test=texts("c", 9, classes=1))
    described = describe_dataset(prepared)
    assert described.warnings == described.test_warnings == ('test lacks 1 of 2 classes: "down"',)
    summaries = summarize_splits(prepared, described)
    assert summaries["test"]["warnings"] == list(described.test_warnings)
    assert summaries["train"]["classes"] == {"up": 10, "down": 10}


def test_texts_that_are_all_numbers_are_a_warning() -> None:
    described = describe(train=[(str(k), k % 2) for k in range(20)], validation=texts("b", 10))
    assert described.warnings == ("every text in train is a number, such as 0; is `text` the right column?",)
