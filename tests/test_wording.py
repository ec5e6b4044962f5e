"""Sentences that the terminal and the report share."""

import pytest

from sweeper.wording import name_absent_classes


@pytest.mark.parametrize(
    ("labels", "counts", "sentence"),
    [
        (["a", "b"], [1, 3], ""),
        (["a", "b", "c"], [0, 3, 0], "No text of the test split is of the class a, c."),
        ([f"c{k}" for k in range(12)], [1] + [0] * 11, "No text of the test split is of the class "
         "c1, c2, c3, c4, c5, c6, c7, c8 and 3 more."),
        (["\x1b[2J", "b"], [0, 1], "No text of the test split is of the class \\x1b[2J."),
    ],
)  # fmt: skip
def test_absent_classes_are_named(labels: list[str], counts: list[int], sentence: str) -> None:
    assert name_absent_classes("test", labels, counts) == sentence
