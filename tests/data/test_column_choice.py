"""A table in which no column can be the label is refused with the reason, and with columns that can be named."""

import datetime
from collections.abc import Sequence
from typing import Any

import pytest

from sweeper.data.column_choice import choose_columns
from sweeper.data.column_profiles import profile_columns
from sweeper.errors import UsageError
from tests.support.tables import table_of


def refusal(rows: Sequence[dict[str, Any]], text: Sequence[str] = (), label: str | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        choose_columns(profile_columns(table_of("a.csv", rows, first=2)), text, label, "a.csv")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_has_only_the_text_lacks_a_label() -> None:
    rows = [{"label": f"the film number {k % 2}"} for k in range(60)]
    assert refusal(rows, ["label"]) == ("a.csv: has no column for the labels beside label, which --text names; add one")


def test_the_column_of_the_texts_is_no_candidate_for_the_label() -> None:
    rows = [{"label": f"the film number {k}", "id": f"{k:04}"} for k in range(60)]
    assert refusal(rows, ["label"]) == (
        "a.csv: no column looks like a label (few different short values); add a column of labels"
    )


def test_a_named_label_that_identifies_rows_is_refused_with_the_columns_that_can_be_one() -> None:
    rows = [{"id": f"{k:04}", "title": f"t {k}", "body": f"the film number {k}", "mood": k % 3} for k in range(60)]
    assert refusal(rows, ["body"], "id") == (
        "a.csv: the column id has 60 different values in 60 rows, so it is no label; "
        "name another with --label, allowed: mood"
    )


@pytest.mark.parametrize("label", [None, "month"])
def test_dates_are_said_to_be_dates_with_or_without_the_option(label: str | None) -> None:
    months = [datetime.date(2024, 1 + k % 3, 1) for k in range(60)]
    rows = [{"text": f"the film number {k}", "month": month} for k, month in enumerate(months)]
    reason = "the column month holds dates or times, so it is no label; write them as strings if they are classes"
    unnamed = "" if label else "no column looks like a label (few different short values); "
    assert refusal(rows, [], label) == f"a.csv: {unnamed}{reason}"
