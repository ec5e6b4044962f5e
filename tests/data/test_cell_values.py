"""Texts and labels are what the file says; a value that is neither makes its row bad."""

import datetime
import unicodedata
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.preprocessing import PreparedDataset, prepare
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError
from tests.support.tables import table_of

OWN = DatasetSpec(name="own", files={"train": "a.jsonl"})


def table(rows: list[tuple[Any, Any]], name: str = "a.jsonl") -> RawTable:
    return table_of(name, [{"text": text, "label": label} for text, label in rows])


def prepare_labels(*labels: Any) -> PreparedDataset:
    train = table([(f"text {number}", label) for number, label in enumerate([*labels, *labels])])
    return prepare(OWN, {"train": train, "validation": train})


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("1.0", "1", "v1.0", "007", "7"), ("1.0", "1", "v1.0", "007", "7")),
        ((1, 2.0, 3, np.float32(4), Decimal("5.00"), np.int8(6)), ("1", "2", "3", "4", "5", "6")),
        ((0.5, 1.0, 1.5), ("0.5", "1", "1.5")),
        ((True, False), ("true", "false")),
        (("True", "False"), ("True", "False")),
        ((b"up", "down", "café".encode()), ("up", "down", "café")),
        (("nan", "None", "null", "NA"), ("nan", "None", "null", "NA")),
        ((-1, 0, 1), ("-1", "0", "1")),
        (("Cafe\u0301", "Caf\u00e9", "x"), ("Caf\u00e9", "x")),
        ((2**60, 10**30), (str(2**60), str(10**30))),
    ],
    ids=str,
)
def test_labels_are_what_is_written(labels: tuple[Any, ...], classes: tuple[str, ...]) -> None:
    assert prepare_labels(*labels).class_names == classes


@pytest.mark.parametrize("text", ["Cafe\u0301", b"Caf\xc3\xa9", " Caf\u00e9 "])
def test_texts_are_composed_and_decoded(text: Any) -> None:
    train = table([(text, "up"), ("b", "down")])
    assert prepare(OWN, {"train": train, "validation": train}).splits["train"].texts[0] == "Caf\u00e9"


def test_texts_of_scripts_that_have_no_composed_form_are_unchanged() -> None:
    for text in ("की का", "مَرحَبًا", "Việt Nam", "각"):
        train = table([(unicodedata.normalize("NFD", text), "up"), ("b", "down")])
        prepared = prepare(OWN, {"train": train, "validation": train})
        assert prepared.splits["train"].texts[0] == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "is a list, not a {}, got []"),
        (["up"], "is a list, not a {}, got [up]"),
        ([["up"]], "is a list, not a {}"),
        (np.array([1]), "is a list, not a {}"),
        ({"a": 1}, "is a mapping, not a {}, got {{a: 1}}"),
        (datetime.datetime(2024, 1, 2, 3, 4, 5), "is a date or a time, not a {}, got 2024-01-02 03:04:05"),
        (datetime.date(2024, 1, 2), "is a date or a time, not a {}, got 2024-01-02"),
        ("a\0b", "has a NUL character"),
    ],
    ids=str,
)
@pytest.mark.parametrize("column", ["text", "label"])
def test_a_value_that_is_no_text_or_label_makes_a_row_bad(value: Any, reason: str, column: str) -> None:
    row = (value, "up") if column == "text" else ("c", value)
    train = table([("a", "up"), row, ("b", "down")])
    with pytest.raises(UnavailableError) as caught:
        prepare(OWN, {"train": train})
    assert f"\na.jsonl:2: {column} {reason.format(column)}" in str(caught.value)
    assert prepare(OWN, {"train": train, "validation": table([("a", "up")])}, "drop").splits["train"].texts == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("value", [b"caf\xe9", "caf\udce9", "half \ud83d"])
@pytest.mark.parametrize("column", ["text", "label"])
def test_bytes_that_are_not_utf_8_make_a_row_bad(value: Any, column: str) -> None:
    row = (value, "up") if column == "text" else ("c", value)
    with pytest.raises(UnavailableError, match=r"a.jsonl:2: not UTF-8"):
        prepare(OWN, {"train": table([("a", "up"), row, ("b", "down")])})


@pytest.mark.parametrize(
    "as_written",
    [float, str, lambda number: str(number).replace(".", ",")],
    ids=["number", "text", "decimal comma"],
)
def test_measurements_are_refused_with_the_remedy(as_written: Any) -> None:
    with pytest.raises(UnavailableError) as caught:
        prepare_labels(*[as_written(number / 175) for number in range(175)])
    assert "label has 174 different numbers such as 0" in str(caught.value)
    assert "not classes; group them into a few classes" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_scale_of_half_stars_and_many_whole_numbers_are_classes() -> None:
    assert len(prepare_labels(*[number / 2 for number in range(1, 11)]).class_names) == 10
    assert len(prepare_labels(*range(350)).class_names) == 350
    assert len(prepare_labels(*map(float, range(350))).class_names) == 350


def test_labels_that_are_all_bad_are_named_and_not_called_too_few_classes() -> None:
    train = table([("a", ["x"]), ("b", ["y"])])
    with pytest.raises(UnavailableError, match=r"a.jsonl:1: label is a list"):
        prepare(OWN, {"train": train})
    with pytest.raises(UnavailableError, match=r"no row is left in train; the first that cannot be used is a.jsonl:1"):
        prepare(OWN, {"train": train}, "drop")


TRAIN = table([("a", 0), ("b", 1)])
SIGNED = table([("a", -1), ("b", 1)])


@pytest.mark.parametrize("missing", [-1, "-1", -1.0])
def test_minus_one_in_every_row_of_test_means_no_labels(missing: Any) -> None:
    test = table([("x", missing), ("y", missing)])
    prepared = prepare(OWN, {"train": TRAIN, "validation": TRAIN, "test": test})
    assert set(prepared.splits) == {"train", "validation"}
    assert "the test split has no labels (-1 in every row), and is left out" in prepared.notes


def test_minus_one_is_a_class_if_the_training_split_has_it_and_a_bad_label_if_only_some_rows_do() -> None:
    test = table([("x", -1), ("y", -1)])
    assert len(prepare(OWN, {"train": SIGNED, "validation": SIGNED, "test": test}).splits["test"]) == 2
    with pytest.raises(UnavailableError, match="the training split does not have this label, got '-1'"):
        prepare(OWN, {"train": TRAIN, "validation": TRAIN, "test": table([("x", -1), ("y", 1)])})


def test_a_test_split_without_a_label_column_is_left_out_with_a_note() -> None:
    test = table_of("t.csv", [{"text": "x"}], first=2)
    prepared = prepare(OWN, {"train": TRAIN, "validation": TRAIN, "test": test})
    assert set(prepared.splits) == {"train", "validation"}
    assert "the test split has no column label, and is left out" in prepared.notes
