"""A user's own files: all formats give the same rows, and an unreadable row is named by its line."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from openpyxl import Workbook

from sweeper.data import local_files
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError
from tests.support.tables import places_of, rows_of

COLUMNS = ("text", "label")
ROWS = [{"review": 'good, "really" good', "sentiment": "up"}, {"review": "zwei\nZeilen ☃", "sentiment": "down"}]
CSV = 'review,sentiment\n"good, ""really"" good",up\n"zwei\nZeilen ☃",down\n'


def read(path: Path, *columns: str) -> RawTable:
    """Read a file's columns; those of COLUMNS if none are given."""
    return local_files.read_tables({"train": str(path)}, columns or COLUMNS)["train"]


def write_rows(folder: Path, suffix: str) -> Path:
    path = folder / f"a{suffix}"
    if suffix == ".xlsx":
        workbook = Workbook()
        for row in (("review", "sentiment"), *(tuple(row.values()) for row in ROWS)):
            workbook.active.append(row)
        workbook.save(path)
    elif suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    elif suffix in (".csv", ".tsv"):
        path.write_text(
            CSV if suffix == ".csv" else CSV.replace(",sent", "\tsent").replace('",', '"\t'), encoding="utf-8"
        )
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.mark.parametrize("suffix", local_files.FORMATS)
def test_all_formats_give_the_same_rows(suffix: str, tmp_path: Path) -> None:
    table = read(write_rows(tmp_path, suffix), "review", "sentiment")
    assert rows_of(table, "review", "sentiment") == [tuple(row.values()) for row in ROWS]
    assert table.columns == ("review", "sentiment")
    assert not table.unreadable_rows


def test_a_row_of_json_lines_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"t": "a"}\n\n{"t": \n[1]\n{"t": "\xff"}\n{"t": "b"}')
    table = read(path, "t")
    assert places_of(table) == [f"{path}:1", f"{path}:6"]
    assert list(table.unreadable_rows) == [
        f"{path}:3: not JSON (Expecting value, column 7)",
        f"{path}:4: not a JSON object",
        f"{path}:5: not UTF-8",
    ]


def test_a_row_of_a_csv_file_is_named_by_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'\xef\xbb\xbft,y\n"two\nlines",1\nshort\n\xff,2\n\nlast,3\n')
    table = read(path, "t", "y")
    assert table.columns == ("t", "y")
    assert places_of(table) == [f"{path}:2", f"{path}:7"]
    assert list(table.unreadable_rows) == [f"{path}:4: has 1 field, but the header has 2", f"{path}:5: not UTF-8"]


def test_a_json_file_may_be_one_array(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([*ROWS, 7]))
    table = read(path, "review", "sentiment")
    assert rows_of(table, "review", "sentiment") == [tuple(row.values()) for row in ROWS]
    assert list(table.unreadable_rows) == [f"{path}:1: row 3: not a JSON object"]
    path.write_text("[{")
    with pytest.raises(UnavailableError, match="not JSON"):
        read(path)


def test_a_tsv_without_quoting_keeps_its_quotes(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text('text\tlabel\n"hello there\tpos\nfine\tneg\n"bye\tpos\n')
    assert rows_of(read(path), "text") == [('"hello there',), ("fine",), ('"bye',)]
