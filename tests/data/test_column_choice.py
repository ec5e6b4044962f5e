"""A table in which no column can be the label is refused with the reason, and with columns that can be named."""

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
        "a.csv: no column looks like a label (few different short values); name it with --label, allowed: id"
    )
