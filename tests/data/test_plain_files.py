"""The fast readers read what the careful ones read: the same rows, the same places, the same bad rows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweeper.data import local_files
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.delimited_records import DelimitedText
from sweeper.data.preprocessing import prepare
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError
from tests.support.tables import places_of, rows_of

PLAIN = [f"text {number}," for number in range(4)]
ODD_LINES = [
    '"two\nlines, b",up',
    "",
    "  ",
    "short",
    "a,b,c",
    '"open,up',
    'stray",up',
    '"he said "no"",up',
    ' "spaces" ,up',
    "lone\rreturn,up",
    "\ufeffmark,up",
    '"",up',
    '"a ""b""",up',
    '"""",up',
    "é☃,up",
    " a , up ",
]


def read(path: Path, content: str | bytes) -> RawTable:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return local_files.read_tables({"train": str(path)}, ("text", "label"))["train"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.one_of(st.sampled_from(ODD_LINES), st.sampled_from(["a,up", '"b, c",down'])), max_size=8),
    line_end=st.sampled_from(["\n", "\r\n"]),
    tail=st.sampled_from(["", "\n", "\n\n \n"]),
)
def test_lines_of_every_kind_give_the_rows_that_are_read_one_by_one(
    tmp_path: Path, lines: list[str], line_end: str, tail: str
) -> None:
    lines = ["first,up", *lines, "last,down"]
    body = line_end.join(lines) + tail
    table = read(tmp_path / "a.csv", f"text,label{line_end}{body}")
    expected = list(DelimitedText(body, 0, 2, 2, ",", is_quoted=True).rows())
    bad_rows = [(line, row) for line, row in expected if isinstance(row, str)]
    assert rows_of(table, "text", "label") == [tuple(row) for _, row in expected if not isinstance(row, str)]
    assert places_of(table) == [f"{table.name}:{line}" for line, row in expected if not isinstance(row, str)]
    assert list(table.unreadable_rows) == [f"{table.name}:{line}: {row}" for line, row in bad_rows]


def as_lines(rows: list[str]) -> str:
    return "\n".join(rows)


def as_array(rows: list[str]) -> str:
    return "[\n" + ",\n".join(rows) + "\n]"


@pytest.mark.parametrize("join", [as_lines, as_array])
@pytest.mark.parametrize(
    ("row", "read_as"),
    [
        ('{"label": "up", "text": "a"}', ("a", "up")),
        ('{"text": "2020-01-01T00:00:00", "label": "\\u00e9\\n"}', ("2020-01-01T00:00:00", "é\n")),
        ('{"text": "a", "label": null}', ("a", None)),
        ('{"label": "up"}', (None, "up")),
        ('{"text": "a", "label": 1.0}', ("a", 1.0)),
        ('{"text": "a", "label": 12345678901234567890}', ("a", 12345678901234567890)),
        ('{"text": "a", "label": ["up"]}', ("a", ["up"])),
        ('{"text": "a", "text": "b", "label": "up"}', ("b", "up")),
        ('{"te\\u0078t": "a", "label": "up"}', ("a", "up")),
        ('{"text": "a", "label": "up", "x": {"text": [NaN, Infinity]}}', ("a", "up")),
        ('{"text": "a", "label": "up", "x": -Inf}', None),
        ('{"text": "a", "label": "up", "x": -NaN}', None),
        ('{"text": "a", "label": "up", "x": 01}', None),
        ('{"text": "a\tb", "label": "up"}', None),
        ('{"text": "a", "label": "up"', None),
        ("null", None),
    ],
)
def test_json_is_read_as_the_json_module_reads_it(
    tmp_path: Path, join: Callable[[list[str]], str], row: str, read_as: tuple[Any, Any] | None
) -> None:
    good = [json.dumps({"text": text, "label": "down"}) for text in PLAIN]
    table = read(tmp_path / "a.json", join([*good, row, *good]))
    rows = [(text, "down") for text in PLAIN]
    assert rows_of(table, "text", "label") == [*rows, *([read_as] if read_as else []), *rows]
    assert len(table.unreadable_rows) == (read_as is None)


def test_a_line_with_two_objects_is_no_row(tmp_path: Path) -> None:
    row = '{"text": "a", "label": "up"}'
    table = read(tmp_path / "a.jsonl", f"{row}\n{row} {row}\n\n{row}")
    assert places_of(table) == [f"{table.name}:1", f"{table.name}:4"]
    assert [line.split(": ")[0] for line in table.unreadable_rows] == [f"{table.name}:2"]


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.jsonl", as_lines(['{"text": "a", "label": 1}', '{"text": " ", "label": 2}']), ":2"),
        ("a.json", as_array(['{"text": "a", "label": "1"}', '{"text": "", "label": "2"}']), ":3: row 2"),
        ("a.json", json.dumps([{"text": "a", "label": 0.5}, {"text": None, "label": 1}], indent=1), ":6: row 2"),
        ("a.json", '[{"text": "a", "label": true}, {"text": "\\t", "label": false}]', ":1: row 2"),
        ("a.csv", "text,label\r\na,1\r\n\t,2", ":3"),
        ("a.csv", "text,label\n\na,1\n\n ,2", ":5"),
    ],
)
def test_a_bad_row_of_a_plain_file_is_named_by_its_place(tmp_path: Path, name: str, content: str, place: str) -> None:
    table = read(tmp_path / name, content)
    with pytest.raises(UnavailableError) as caught:
        prepare(DatasetSpec(name="own", files={"train": "x"}), {"train": table})
    assert str(caught.value).splitlines()[1:] == [f"{tmp_path / name}{place}: no text in text"]


@pytest.mark.parametrize("dtype", [pyarrow.binary(), pyarrow.large_string(), pyarrow.string_view()])
def test_texts_of_parquet_are_cleaned_as_any_others(tmp_path: Path, dtype: Any) -> None:
    texts = ["plain", " spaces\x1f", "Cafe\u0301 ", "\u00a0wide\u00a0", "a\0b", None]
    encoded = [text.encode() if text and dtype == pyarrow.binary() else text for text in texts]
    columns = {"text": pyarrow.array(encoded, dtype), "label": pyarrow.array([0, 1] * 3).dictionary_encode()}
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    table = read(path, path.read_bytes())
    validation = read(tmp_path / "v.csv", "text,label\nx,0")
    prepared = prepare(DatasetSpec(name="own", files={}), {"train": table, "validation": validation}, "drop")
    assert prepared.splits["train"].texts == ["plain", "spaces", "Café", "wide"]
    assert prepared.notes[1:3] == (f"{path}: row 5: text has a NUL character", f"{path}: row 6: no text in text")
