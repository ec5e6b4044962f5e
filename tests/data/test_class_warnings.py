"""Class names that may be mistakes, rare classes and classes that splits lack are each a short line."""

import pytest

from sweeper.data.class_warnings import class_warnings


def warnings(train: dict[str, int], **splits: dict[str, int]) -> list[str]:
    return list(class_warnings({"train": train, **splits}))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Positive", "positive"),
        ("very positive", "very  positive"),
        ("very positive", "very_positive"),
        ("very-positive", "Very Positive"),
        ("ａｎｇｅｒ", "anger"),
        ("jo\u200by", "joy"),
        ("joy\xa0", "joy"),
        ("STRASSE", "straße"),
        ("1", "1.0"),
        ("01", "1"),
        ('"joy"', "joy"),
        ("joy.", "joy"),
    ],
)
def test_names_that_differ_only_in_their_form_are_warned_of(first: str, second: str) -> None:
    (line,) = warnings({first: 20, "other": 30, second: 7})
    assert line.startswith("class names that differ only in their form, and are classes of their own: ")
    assert "(20 in train)" in line
    assert "(7 in train)" in line
    assert "\u200b" not in line


@pytest.mark.parametrize(
    "names", [("up", "down"), ("-1", "1"), ("C", "C++", "C#"), ("1", "10"), ("+", "-"), ("Café", "Cafe"), (".", "..")]
)
def test_names_that_differ_are_not_warned_of(names: tuple[str, ...]) -> None:
    assert warnings(dict.fromkeys(names, 20)) == []


@pytest.mark.parametrize("name", ["nan", "NaN", "None", "null", "NULL", "NA", "n/a", " ", "#N/A", "<NA>"])
def test_a_name_that_looks_like_a_missing_label_is_warned_of(name: str) -> None:
    (line,) = warnings({"up": 20, name: 9, "down": 20})
    assert f'the class "{name}" (9 in train) looks like a missing label' in line


def test_rare_classes_are_named_the_first_five_of_them() -> None:
    assert warnings({"up": 20, "down": 4, "flat": 1}) == [
        'classes with fewer than 5 texts in train: "down" 4, "flat" 1'
    ]
    (line,) = warnings({"up": 20, **{f"c{k}": 2 for k in range(9)}})
    assert line.endswith('"c0" 2, "c1" 2, "c2" 2, "c3" 2, "c4" 2, and 4 more')


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_classes_that_a_split_lacks_are_named(split: str) -> None:
    full = {"up": 9, "down": 9, "flat": 9}
    counts = {"train": full, "validation": full, "test": full, split: {"up": 9, "down": 0, "flat": 0}}
    assert warnings(**counts) == [f'{split} lacks 2 of 3 classes: "down", "flat"']
