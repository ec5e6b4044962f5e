"""A user's file is read with all its columns, which the first lines of a large file tell, or the whole of it."""

import json
from pathlib import Path

import pytest

from sweeper.data.whole_tables import read_whole_table
from tests.support.tables import rows_of

ROWS = [{"text": f"text {number} {'x' * 600}", "label": "up"} for number in range(2_000)]  # more than 1 MiB


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=1),
        "[\n" + ", ".join(map(json.dumps, ROWS)) + "]\n",
        "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    ],
    ids=["one line", "indented", "two lines", "a row on each line"],
)
def test_a_large_array_is_read_however_its_lines_break(content: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    table = read_whole_table(path)
    assert table.columns == ("text", "label")
    assert rows_of(table, "text", "label") == [(row["text"], row["label"]) for row in ROWS]


def test_parts_of_a_row_in_which_the_first_lines_end_are_no_rows(tmp_path: Path) -> None:
    parts = [{"part": number} for number in range(80_000)]  # more than 1 MiB
    path = tmp_path / "a.json"
    path.write_text(json.dumps([ROWS[0], {"text": "b", "parts": [parts, parts], "label": "down"}], indent=1))
    assert read_whole_table(path).columns == ("text", "label", "parts")
