"""Samples keep the share of each class, repeat exactly, and never part rows with equal texts."""

from collections import Counter

import numpy as np
import pytest

from sweeper.data.rows import LabelledTexts
from sweeper.data.sampling import hold_out_validation, stratified_subset


def rows_of(*pairs: tuple[str, str]) -> LabelledTexts:
    """Return rows with these texts and labels. Classes are numbered in the order of their labels."""
    names = sorted({label for _, label in pairs})
    return LabelledTexts([text for text, _ in pairs], np.array([names.index(label) for _, label in pairs]))


def repeated(copies: int, texts: int = 60) -> LabelledTexts:
    """Two classes, in which each text occurs `copies` times in other letters and with other spaces."""
    forms = ("Text {}", "text  {}", "TEXT {} ", " text {}")
    return rows_of(*[(forms[c % 4].format(k), f"class {k % 2}") for c in range(copies) for k in range(texts)])


def keys(rows: LabelledTexts) -> set[str]:
    return {" ".join(text.lower().split()) for text in rows.texts}


def counts_of(rows: LabelledTexts) -> list[int]:
    """Return the number of rows of each class."""
    return [int(count) for count in np.bincount(rows.labels)]


@pytest.mark.parametrize("copies", [1, 2, 3, 4])
def test_equal_texts_stay_on_one_side_of_the_held_out_validation(copies: int) -> None:
    rows = repeated(copies)
    train, validation = hold_out_validation(rows)
    assert keys(train).isdisjoint(keys(validation))
    assert Counter([*train.texts, *validation.texts]) == Counter(rows.texts)
    for part in (train, validation):
        assert part.texts == [text for text in rows.texts if text in part.texts]
    assert all(abs(count - 3 * copies) < copies for count in counts_of(validation))
    assert hold_out_validation(rows)[1].texts == validation.texts


def test_equal_texts_with_several_labels_stay_together_too() -> None:
    pairs = [(f"text {k}", label) for k in range(100) for label in (("up", "down") if k % 3 == 0 else ("up",))]
    train, validation = hold_out_validation(rows_of(*pairs))
    assert keys(train).isdisjoint(keys(validation))
    assert counts_of(validation) == [3, 10]


def test_both_texts_of_a_pair_decide_whether_rows_are_equal() -> None:
    rows = LabelledTexts(["a"] * 40, np.arange(40) % 2, [str(k) for k in range(40)])
    train, validation = hold_out_validation(rows)
    assert (len(train), len(validation)) == (36, 4)


def test_a_class_of_two_texts_is_on_both_sides_and_one_of_a_single_text_stays_in_train() -> None:
    filler = [(f"filler {k}", "many") for k in range(40)]
    twice = [("often", "twice")] * 9 + [("seldom", "twice")] * 3
    once = [("the same", "once")] * 8
    train, validation = hold_out_validation(rows_of(*filler, *twice, *once))
    assert counts_of(validation) == [4, 0, 3]  # many, once, twice
    assert counts_of(train) == [36, 8, 9]


@pytest.mark.parametrize("size", [1, 7, 30, 119])
@pytest.mark.parametrize("copies", [2, 3])
def test_a_subset_has_all_rows_with_a_text_or_none(size: int, copies: int) -> None:
    rows = repeated(copies)
    subset = stratified_subset(rows, size)
    counts = Counter(text.lower().replace(" ", "") for text in subset.texts)
    assert set(counts.values()) <= {copies}
    assert size - copies < len(subset) <= size
    assert abs(int((subset.labels == 0).sum()) - int((subset.labels == 1).sum())) <= copies


def test_a_subset_without_repeated_texts_has_exactly_its_size() -> None:
    rows = repeated(1)
    assert [len(stratified_subset(rows, size)) for size in (1, 2, 17, 59, 60, 61)] == [1, 2, 17, 59, 60, 60]


def test_samples_of_different_texts_are_those_that_earlier_versions_drew() -> None:
    rows = repeated(1)
    assert hold_out_validation(rows)[1].texts == [
        "Text 4",
        "Text 15",
        "Text 22",
        "Text 23",
        "Text 43",
        "Text 52",
    ]
    assert stratified_subset(rows, 5).texts == ["Text 4", "Text 15", "Text 22", "Text 23", "Text 52"]


def test_a_subset_has_a_class_whose_texts_are_repeated_beyond_its_share() -> None:
    """The class has a share of 3 rows, each of its texts comes 4 times, and the other class leaves room for them."""
    frequent = [(f"text {k}", "frequent") for k in range(36) for _ in range(2)]
    rare = [(text, "rare") for text in ("the same", "another") for _ in range(4)]
    assert counts_of(stratified_subset(rows_of(*frequent, *rare), 30)) == [26, 4]


TAKEN_BEFORE = [
    "text 2 of 0",
    "text 4 of 0",
    "text 10 of 0",
    "text 11 of 0",
    "text 19 of 0",
    "text 26 of 0",
    "text 27 of 0",
    "text 1 of 1",
    "text 2 of 1",
    "text 0 of 2",
]


def skewed(*counts: int) -> LabelledTexts:
    """Return different texts, so many of each class."""
    return rows_of(*[(f"text {k} of {label}", f"class {label}") for label, n in enumerate(counts) for k in range(n)])


@pytest.mark.parametrize(
    ("size", "counts"),
    [
        (2, [2, 0, 0, 0]),  # fewer texts than classes: the largest ones, as their shares are
        (4, [1, 1, 1, 1]),
        (10, [7, 1, 1, 1]),
        (50, [43, 5, 1, 1]),
    ],
)
def test_a_class_whose_share_is_less_than_a_text_keeps_one_if_there_is_room(size: int, counts: list[int]) -> None:
    """Of 1,000 texts, two classes have 2 and 8; the largest class makes room for them."""
    rows = skewed(890, 100, 8, 2)
    subset = stratified_subset(rows, size)
    assert np.bincount(subset.labels, minlength=4).tolist() == counts
    assert stratified_subset(rows, size).texts == subset.texts
    assert subset.texts == [text for text in rows.texts if text in set(subset.texts)]


def test_a_limit_that_loses_no_class_takes_the_texts_that_earlier_versions_took() -> None:
    subset = stratified_subset(skewed(28, 8, 4), 10)
    assert counts_of(subset) == [7, 2, 1]
    assert subset.texts == TAKEN_BEFORE


def test_a_class_of_one_repeated_text_is_kept_if_its_copies_fit() -> None:
    frequent = [(f"text {k}", "frequent") for k in range(96)]
    rows = rows_of(*frequent, *[("the same", "rare")] * 4)
    assert [counts_of(stratified_subset(rows, size)) for size in (10, 5)] == [[6, 4], [1, 4]]
    before = ["text 5", "text 13", "text 36", "text 87"]  # the four equal texts do not fit beside another
    assert stratified_subset(rows, 4).texts == before


def test_a_subset_of_label_sets_keeps_each_label() -> None:
    """A text of both rare labels represents them both. The third is only ever beside a rarer one."""
    sets = [*[(1, 0, 0, 0)] * 95, (0, 0, 1, 1), (0, 0, 1, 1), *[(0, 1, 0, 1)] * 3]
    rows = LabelledTexts([f"text {k}" for k in range(100)], np.array(sets))
    for size in (4, 6, 20):
        subset = stratified_subset(rows, size)
        assert len(subset) == size
        assert (subset.labels.sum(axis=0) > 0).all()
        assert subset.labels[:, 0].sum() == size - 2
