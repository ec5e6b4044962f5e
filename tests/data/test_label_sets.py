"""Data sets whose texts have any number of labels: how they are read, refused, sampled and described."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from sweeper.data.catalog import DATASETS
from sweeper.data.dataset_description import describe_dataset
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.local_files import read_tables
from sweeper.data.preprocessing import PreparedDataset, content_digest, prepare
from sweeper.data.rows import LabelledTexts, RawTable
from sweeper.data.sampling import hold_out_validation, stratified_subset
from sweeper.errors import UnavailableError
from tests.support.tables import table_of

MOODS = DatasetSpec(name="own", files={"train": "a.jsonl"}, label="moods", task="multi_label")
TRAIN: list[tuple[str, Any]] = [("a", ["joy"]), ("b", ["love", "joy"]), ("c", []), ("d", ["fear"])]


def moods(*pairs: tuple[str, Any]) -> RawTable:
    return table_of("a.jsonl", [{"text": text, "moods": labels} for text, labels in pairs])


def prepare_moods(dataset: DatasetSpec = MOODS, *validation: tuple[str, Any], **others: RawTable) -> PreparedDataset:
    held_out = moods(*(validation or [("e", ["joy"])]))
    return prepare(dataset, {"train": moods(*TRAIN), "validation": held_out, **others})


def test_label_sets_are_a_matrix_of_the_classes_in_the_order_of_their_first_rows() -> None:
    prepared = prepare_moods(MOODS, ("e", ["fear", "joy", "fear"]))
    assert prepared.class_names == ("joy", "love", "fear")
    assert prepared.splits["train"].labels.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert prepared.splits["validation"].labels.tolist() == [[1, 0, 1]]


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (None, "no list of labels in moods; an empty list is a text without a label"),
        ("joy", "moods is no list of labels, got joy; name what separates the labels with dataset.label_separator"),
        (["joy", ""], "an empty label in moods, got [joy, ]"),
        (["joy", None], "an empty label in moods, got [joy, ]"),
        ([["joy"]], "moods is a list, not a label, got [joy]"),
        (["joy", "rage"], "the training split does not have this label, got rage"),
    ],
)
def test_what_is_no_list_of_known_labels_is_named(labels: Any, reason: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        prepare_moods(MOODS, ("e", ["joy"]), ("f", labels))
    assert f"a.jsonl:2: {reason}" in str(caught.value)


def test_a_string_is_split_where_the_data_set_says_so() -> None:
    dataset = replace(MOODS, label_separator=";")
    rows = moods(("a", "joy; love"), ("b", ""), ("c", None), ("d", "fear"), ("e", ["love"]))
    labels = prepare(dataset, {"train": rows, "validation": moods(("f", "love"))}).splits["train"].labels
    assert labels.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0]]


def test_a_test_split_of_empty_lists_has_no_labels() -> None:
    prepared = prepare_moods(MOODS, test=moods(("x", []), ("y", [])))
    assert "test" not in prepared.splits
    assert prepared.notes == ("the test split has no labels, and is left out",)


def test_jsonl_csv_and_parquet_files_with_the_same_labels_are_the_same_data(tmp_path: Path) -> None:
    texts, lists = [text for text, _ in TRAIN], [labels for _, labels in TRAIN]
    rows = [json.dumps({"text": text, "moods": labels}) for text, labels in TRAIN]
    (tmp_path / "train.jsonl").write_text("\n".join(rows) + "\n")
    (tmp_path / "train.csv").write_text("text,moods\n" + "".join(f'{text},"{",".join(s)}"\n' for text, s in TRAIN))
    pyarrow.parquet.write_table(pyarrow.table({"text": texts, "moods": lists}), tmp_path / "train.parquet")
    digests = set()
    for name in ("train.jsonl", "train.csv", "train.parquet"):
        dataset = replace(MOODS, label_separator=",")
        tables = read_tables({"train": str(tmp_path / name)}, dataset.columns)
        digests.add(content_digest(prepare(dataset, {**tables, "validation": moods(("e", ["joy"]))})))
    assert len(digests) == 1


def random_rows(size: int) -> LabelledTexts:
    random = np.random.default_rng(0)
    labels = (random.random((size, 4)) < [0.6, 0.3, 0.1, 0.03]).astype(np.int64)
    return LabelledTexts([f"text {k}" for k in range(size)], labels)


def test_a_sample_keeps_the_share_of_rare_labels() -> None:
    rows = random_rows(1000)
    sample = stratified_subset(rows, 200)
    assert len(sample) == 200
    np.testing.assert_allclose(sample.labels.mean(axis=0), rows.labels.mean(axis=0), atol=0.03)


def test_a_validation_split_is_held_out_with_every_label() -> None:
    rows = random_rows(300)
    train, validation = hold_out_validation(rows)
    assert len(validation) == pytest.approx(30, abs=3)
    assert validation.labels.any(axis=0).all()
    assert Counter(train.texts + validation.texts) == Counter(rows.texts)


def test_labels_of_a_text_and_texts_without_one_are_described() -> None:
    facts = describe_dataset(prepare_moods(MOODS, ("e", ["joy"]), ("a", ["love"]))).facts
    assert "classes in train: joy 2, love 1, fear 1" in facts
    assert "labels of a text, on average: 1.00 in train, 1.00 in validation" in facts
    assert "texts without a label: 1 in train" in facts
    assert "texts with more than one label, kept with each: 1" in facts  # a is joy in train and love in validation


def test_goemotions_with_all_its_labels_has_28_classes() -> None:
    dataset = DATASETS["goemotions_multilabel"]
    rows = table_of("a", [{"text": "Thanks, I love it", "labels": [15, 18]}, {"text": "ok", "labels": [27]}])
    prepared = prepare(dataset, {"train": rows, "validation": rows, "test": rows})
    assert len(prepared.class_names) == 28
    names = [[prepared.class_names[k] for k in np.flatnonzero(row)] for row in prepared.splits["test"].labels]
    assert names == [["gratitude", "love"], ["neutral"]]
