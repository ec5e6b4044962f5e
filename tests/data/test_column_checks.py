"""A column that cannot be the text or the label is refused in one clear line."""

from typing import Any

import pytest

from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.preprocessing import prepare
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError
from tests.support.tables import table_of


def table(*rows: dict[str, Any]) -> RawTable:
    return table_of("a.csv", rows, first=2)


def refusal(text: str | tuple[str, ...], label: str, *, with_validation: bool = False) -> str:
    rows = table(*[
        {"id": f"{k:04}", "text": f"text {k}", "author": f"a{k // 2}", "mood": "up" if k % 3 else "down"}
        for k in range(60)
    ])  # fmt: skip
    columns = (text,) if isinstance(text, str) else text
    tables = {"train": rows, "validation": rows} if with_validation else {"train": rows}
    with pytest.raises(UnavailableError) as caught:
        prepare(DatasetSpec(name="own", files={"train": "a.csv"}, text=columns, label=label), tables, "refuse")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("with_validation", [False, True])
@pytest.mark.parametrize(("label", "values"), [("id", 60), ("text", 60)])
def test_a_label_with_a_value_of_its_own_in_each_row_is_refused(label: str, values: int, with_validation: bool) -> None:
    line = refusal("author" if label == "text" else "text", label, with_validation=with_validation)
    assert line == (
        f"data set own: the column {label} has {values} different values in 60 training rows, so it is no label; "
        "name the column of the labels with `label`"
    )


def test_a_column_that_is_text_and_label_is_refused() -> None:
    assert "the column text is both text and label" in refusal("text", "text")
    assert "the column mood is both text and label" in refusal(("text", "mood"), "mood")
    assert "the column text is both texts of the pair" in refusal(("text", "text"), "mood")
