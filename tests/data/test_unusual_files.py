"""Files as they are found: every row is read, or named by its line, and what nobody uses is nobody's business."""

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import zipfile
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sweeper.data import local_files
from sweeper.data.rows import RawTable
from sweeper.errors import UnavailableError
from tests.support import tables

PLAIN = [("one", "up"), ("two", "down"), ("three", "up"), ("four", "down")]


def read(path: Path, content: bytes | str, *columns: str) -> RawTable:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return local_files.read_tables({"train": str(path)}, columns or ("text", "label"))["train"]


def rows_of(table: RawTable) -> list[tuple[Any, ...]]:
    return tables.rows_of(table, "text", "label")


def lines_of(table: RawTable) -> list[int]:
    return [int(place.rsplit(":", 1)[1]) for place in tables.places_of(table)]


def bad_lines(table: RawTable) -> list[int]:
    return [int(line.removeprefix(table.name + ":").split(":")[0]) for line in table.unreadable_rows]


def write(rows: list[tuple[str, str]], **dialect: Any) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, **dialect).writerows([("text", "label"), *rows])
    return out.getvalue()


TEXTS = st.text(alphabet=st.sampled_from("ab é☃\n\r\t,;|\"'\\"), max_size=8)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(TEXTS.map(lambda text: f"x{text}"), st.sampled_from(["U", "D"])), min_size=1, max_size=6),
    separator=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "\ufeff"]),
    tail=st.sampled_from(["", "\n\n"]),
)
def test_what_the_csv_module_writes_is_read_as_the_same_rows(
    tmp_path: Path, rows: list[tuple[str, str]], separator: str, quoting: Any, line_end: str, mark: str, tail: str
) -> None:
    if line_end == "\n":  # the csv module does not quote the other line end then
        rows = [(text.replace("\r", ""), label) for text, label in rows]
    # Lines of a field with separators in them may look like rows; see the tests of stray quotes.
    rows = [(text.replace(separator, "") if set(text) & set("\r\n") else text, label) for text, label in rows]
    content = write(rows, delimiter=separator, quoting=quoting, lineterminator=line_end)
    table = read(tmp_path / ("a.tsv" if separator == "\t" else "a.csv"), mark + content + tail)
    assert rows_of(table) == rows
    assert not table.unreadable_rows


def test_a_field_may_have_line_breaks_and_separators(tmp_path: Path) -> None:
    rows = [("well, I said\nno, never,\r\nup, and away", "up"), ("one", "down"), ("a,\n\nb", "up"), ("two", "down")]
    table = read(tmp_path / "a.csv", write(rows))
    assert rows_of(table) == rows
    assert lines_of(table) == [2, 5, 6, 9]


def test_an_unquoted_tsv_keeps_quotes_that_happen_to_surround_a_field(tmp_path: Path) -> None:
    rows = [("fine", "up"), ('"Great film"', "up"), ('"Never again, said', "down"), ("so so", "up")]
    rows += [('well done, not"', "down"), ('he said "no"', "up")]
    table = read(tmp_path / "a.tsv", "text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows))
    assert rows_of(table) == rows
    assert lines_of(table) == [2, 3, 4, 5, 6, 7]


def test_badly_quoted_rows_are_all_named_and_the_others_are_read(tmp_path: Path) -> None:
    content = (
        'text,label\none,up\n"he said "no" to me",down\ntwo,down\n"a \\"rude\\" one",down\n"two\nlines",up\n'
        'three,up,extra\n5" pipe,up\n"open,down\nlast,up\n'
    )
    table = read(tmp_path / "a.csv", content)
    assert rows_of(table) == [("one", "up"), ("two", "down"), ("two\nlines", "up"), ('5" pipe', "up"), ("last", "up")]
    assert bad_lines(table) == [3, 5, 8, 10]
    assert lines_of(table) == [2, 4, 6, 9, 11]


@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_rows_between_two_stray_quotes_are_not_swallowed(tmp_path: Path, separator: str) -> None:
    lines = ["one,up", "two,down", '"Never again,down', "three,up", "four,down", 'well done",up', "five,down"]
    table = read(tmp_path / "a.csv", "\n".join(["text,label", *lines]).replace(",", separator))
    assert [text for text, _ in rows_of(table)] == ["one", "two", "three", "four", 'well done"', "five"]
    assert bad_lines(table) == [4]
    assert "closed 3 lines below" in table.unreadable_rows[0]


@pytest.mark.parametrize("length", [131_073, 2_000_000])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_a_field_may_be_long(tmp_path: Path, length: int, suffix: str) -> None:
    rows = [("x" * length, "up"), ("y", "down")]
    content = write(rows, delimiter="\t" if suffix == ".tsv" else ",")
    if suffix == ".jsonl":
        content = "\n".join(json.dumps({"text": text, "label": label}) for text, label in rows)
    assert rows_of(read(tmp_path / f"a{suffix}", content)) == rows


@pytest.mark.parametrize("header", ["text, label", " text ,label ", "\ufefftext,label", '"text","label"'])
def test_spaces_and_byte_order_marks_do_not_count_in_a_header(tmp_path: Path, header: str) -> None:
    assert len(read(tmp_path / "a.csv", f"{header}\none,up\ntwo,down\n")) == 2


def test_columns_that_nobody_uses_may_be_unnamed_or_have_the_same_name(tmp_path: Path) -> None:
    table = read(tmp_path / "a.csv", "label,text,,,x,x\r\nup,one,,,1,2\r\ndown,two,,,,\r\n")
    assert rows_of(table) == [("one", "up"), ("two", "down")]
    assert table.columns == ("label", "text", "x")


@pytest.mark.parametrize("first", ["", "sep=;\n", '"sep=;"\r\n', "\n\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_semicolons_of_a_spreadsheet_are_recognised(tmp_path: Path, first: str, mark: str) -> None:
    table = read(tmp_path / "a.csv", f'{mark}{first}text;label\r\n"a; b, c";up\r\nd, e;down\r\n')
    assert rows_of(table) == [("a; b, c", "up"), ("d, e", "down")]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_may_be_mixed_and_lines_blank(tmp_path: Path, line_end: str) -> None:
    table = read(tmp_path / "a.csv", f"text,label\none,up{line_end}{line_end}two,down\r\n  \nthree,up")
    assert rows_of(table) == [("one", "up"), ("two", "down"), ("three", "up")]
    assert lines_of(table) == [2, 4, 6]


def zipped(name: str, content: bytes, more: tuple[str, ...] = ()) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr(name, content)
        for extra in more:
            packed.writestr(extra, b"")
    return out.getvalue()


CSV = write(PLAIN).encode()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("A.CSV", CSV),
        ("a.csv.gz", gzip.compress(CSV, mtime=0)),
        ("a.CSV.GZ", gzip.compress(CSV, mtime=0)),
        ("a.csv.bz2", bz2.compress(CSV)),
        ("a.csv.xz", lzma.compress(CSV)),
        ("a.csv.zip", zipped("a.csv", CSV)),
        ("a.zip", zipped("folder/a.csv", CSV, ("__MACOSX/folder/._a.csv", "folder/.DS_Store"))),
        ("a.csv.zip", zipped("a.csv", CSV).replace(b"a.csv", b"\0.csv")),  # a name ends at a zero byte
    ],
)
def test_packed_files_are_read(tmp_path: Path, name: str, content: bytes) -> None:
    assert rows_of(read(tmp_path / name, content)) == PLAIN


def test_broken_json_lines_and_elements_are_named_and_the_others_are_read(tmp_path: Path) -> None:
    good = '{"text": "a", "label": "up"}'
    table = read(tmp_path / "a.jsonl", f"{good}\n{good[:-3]}\n\n{good}\n[1]\n{good},\n{good}")
    assert (len(table), bad_lines(table)) == (3, [2, 5, 6])
    table = read(tmp_path / "a.json", f"[\n{good},\n{good[:-3]},\n{good},\n7,\n{good}\n]")
    assert (len(table), bad_lines(table)) == (3, [3, 5])


def row(text: str) -> str:
    return json.dumps({"text": text, "label": "up"})


BROKEN = {
    "no comma within": '{"text": "x" "label": "up"}',
    "no value": '{"text": "x", "label": }',
    "no value after parts": '{"parts": [{"text": "x", "label": "y"}, {"text": "y", "label": "z"}], "label": }',
    "open quote": '{"text": "x, "label": "up"}',
    "no brace": '{"text": "x", "label": "up"',
}


@pytest.mark.parametrize("between", [", ", ",", ",\n", "\n, "], ids=repr)
@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_the_rows_after_a_broken_element_are_read_however_lines_break(
    broken: str, between: str, tmp_path: Path
) -> None:
    table = read(tmp_path / "a.json", f"[{between.join([row('a'), broken, row('b'), row('c')])}]")
    assert rows_of(table) == [("a", "up"), ("b", "up"), ("c", "up")]
    assert [line.split(": ")[1] for line in table.unreadable_rows] == ["row 2"]


def test_a_row_after_a_missing_comma_is_read(tmp_path: Path) -> None:
    table = read(tmp_path / "a.json", f"[{row('a')} {row('b')}, {row('c')}]")
    assert rows_of(table) == [("a", "up"), ("b", "up"), ("c", "up")]
    assert len(table.unreadable_rows) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f"[{row('a')}][{row('b')}]", "a.json:1: something follows the array; write one array of objects"),
        (f"[{row('a')}]\n\n[{row('b')}]", "a.json:3: something follows the array; write one array of objects"),
        (f"[{row('a')}, 7]\n{row('b')}", "a.json:2: something follows the array; write one array of objects"),
        (f"[] [{row('b')}]", "a.json:1: something follows the array; write one array of objects"),
        (f"[{row('a')}; {row('b')}]", "a.json:1: row 1: not JSON (no comma and no ] after it), and where the next row"),
        (f"[{row('a')}, x, {row('b')}]", "a.json:1: row 2: not JSON (Expecting value, column 32), and where the next"),
        (f"[{row('a')},\nx,\n{row('b')}] y", "a.json:2: row 2: not JSON (Expecting value, column 1), and where the"),
    ],
)
def test_an_array_of_which_rows_would_be_lost_is_an_error(content: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=re.escape(said)) as caught:
        read(tmp_path / "a.json", content)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("end", ["]", "]\r\n \t\n", "", ",", ",]"], ids=repr)
def test_nothing_is_lost_at_the_end_of_an_array(end: str, tmp_path: Path) -> None:
    table = read(tmp_path / "a.json", f"[{row('a')}, {row('b')}{end}")
    assert [text for text, _ in rows_of(table)] == ["a", "b"]
    assert len(table.unreadable_rows) == ("]" not in end or "," in end)


def test_parquet_columns_of_every_kind_give_their_values(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    for text in (
        pyarrow.array(["a", "b"], pyarrow.large_string()),
        pyarrow.array(["a", "b"]).dictionary_encode(),
        pyarrow.array(["a", "b"], pyarrow.string_view()),
    ):
        pyarrow.parquet.write_table(pyarrow.table({"text": text, " label": [1, None], "x": [{"y": 1}, None]}), path)
        assert rows_of(read(path, path.read_bytes())) == [("a", 1), ("b", None)]
