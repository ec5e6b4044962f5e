"""Samples keep the share of each class, repeat exactly, and never part rows with equal texts."""

from collections import Counter

import numpy as np
import pytest

from sweeper.data.row_parsing import Row
from sweeper.data.rows import LabelledTexts
from sweeper.data.sampling import hold_out_validation, stratified_subset


def rows_of(*pairs: tuple[str, str]) -> list[Row]:
    return [Row(f"a.csv:{k}", (text,), label) for k, (text, label) in enumerate(pairs, start=2)]


def labelled(rows: list[Row]) -> LabelledTexts:
    names = list(dict.fromkeys(row.label for row in rows))
    return LabelledTexts([row.texts[0] for row in rows], np.array([names.index(row.label) for row in rows]))


def repeated(copies: int, texts: int = 60) -> list[Row]:
    """Two classes, in which each text occurs `copies` times in other letters and with other spaces."""
    forms = ("Text {}", "text  {}", "TEXT {} ", " text {}")
    return rows_of(*[(forms[c % 4].format(k), f"class {k % 2}") for c in range(copies) for k in range(texts)])


def keys(rows: list[Row]) -> set[str]:
    return {" ".join(row.texts[0].lower().split()) for row in rows}


@pytest.mark.parametrize("copies", [1, 2, 3, 4])
def test_equal_texts_stay_on_one_side_of_the_held_out_validation(copies: int) -> None:
    rows = repeated(copies)
    train, validation = hold_out_validation(rows)
    assert keys(train).isdisjoint(keys(validation))
    assert sorted([*train, *validation], key=rows.index) == rows
    counts = Counter(row.label for row in validation)
    assert all(abs(counts[name] - 3 * copies) < copies for name in ("class 0", "class 1"))
    assert hold_out_validation(rows) == (train, validation)


def test_equal_texts_with_several_labels_stay_together_too() -> None:
    pairs = [(f"text {k}", label) for k in range(100) for label in (("up", "down") if k % 3 == 0 else ("up",))]
    train, validation = hold_out_validation(rows_of(*pairs))
    assert keys(train).isdisjoint(keys(validation))
    assert Counter(row.label for row in validation) == {"up": 10, "down": 3}


def test_both_texts_of_a_pair_decide_whether_rows_are_equal() -> None:
    pairs = [("a", str(k)) for k in range(40)]
    rows = [Row(str(k), pair, "up" if k % 2 else "down") for k, pair in enumerate(pairs)]
    train, validation = hold_out_validation(rows)
    assert (len(train), len(validation)) == (36, 4)


def test_a_class_of_two_texts_is_on_both_sides_and_one_of_a_single_text_stays_in_train() -> None:
    filler = [(f"filler {k}", "many") for k in range(40)]
    twice = [("often", "twice")] * 9 + [("seldom", "twice")] * 3
    once = [("the same", "once")] * 8
    train, validation = hold_out_validation(rows_of(*filler, *twice, *once))
    assert Counter(row.label for row in validation) == {"many": 4, "twice": 3}
    assert Counter(row.label for row in train) == {"many": 36, "twice": 9, "once": 8}


@pytest.mark.parametrize("size", [1, 7, 30, 119])
@pytest.mark.parametrize("copies", [2, 3])
def test_a_subset_has_all_rows_with_a_text_or_none(size: int, copies: int) -> None:
    rows = labelled(repeated(copies))
    subset = stratified_subset(rows, size)
    counts = Counter(text.lower().replace(" ", "") for text in subset.texts)
    assert set(counts.values()) <= {copies}
    assert size - copies < len(subset) <= size
    assert abs(int((subset.labels == 0).sum()) - int((subset.labels == 1).sum())) <= copies


def test_a_subset_without_repeated_texts_has_exactly_its_size() -> None:
    rows = labelled(repeated(1))
    assert [len(stratified_subset(rows, size)) for size in (1, 2, 17, 59, 60, 61)] == [1, 2, 17, 59, 60, 60]


def test_samples_of_different_texts_are_those_that_earlier_versions_drew() -> None:
    rows = repeated(1)
    assert [row.texts[0] for row in hold_out_validation(rows)[1]] == [
        "Text 4",
        "Text 15",
        "Text 22",
        "Text 23",
        "Text 43",
        "Text 52",
    ]
    assert stratified_subset(labelled(rows), 5).texts == ["Text 4", "Text 15", "Text 22", "Text 23", "Text 52"]
