"""Reading of csv and tsv files. pyarrow reads those in which nothing is unusual, and delimited_records the others."""

from collections.abc import Iterator, Mapping, Sequence

from sweeper.data.arrow_files import read_plain_columns
from sweeper.data.delimited_layout import find_layout
from sweeper.data.delimited_records import DelimitedText
from sweeper.data.packed_files import SourceFile
from sweeper.data.rows import RawTable
from sweeper.data.table_columns import find_columns, shown_names


def read_csv(source: SourceFile, wanted: Sequence[str]) -> RawTable:
    """Read the wanted columns of a csv file. If its separator is not a comma, the header shows which it is."""
    return _read_delimited(source, wanted, ",")


def read_tsv(source: SourceFile, wanted: Sequence[str]) -> RawTable:
    """Read the wanted columns of a tab-separated file."""
    return _read_delimited(source, wanted, "\t")


def _read_delimited(source: SourceFile, wanted: Sequence[str], usual: str) -> RawTable:
    header, body = find_layout(source.path, source.decode(), wanted, usual)
    found = find_columns(header.place(source.path), header.names, wanted)
    columns = shown_names(header.names, found)
    plain = read_plain_columns(body, list(found.values()))
    if plain is not None:
        fields = zip(*plain, strict=True)
        rows = [
            (f"{source.path}:{line}", dict(zip(found, values, strict=True)))
            for line, values in enumerate(fields, start=body.line)
        ]
        return RawTable(str(source.path), columns, rows)
    bad_rows: list[str] = []
    return RawTable(str(source.path), columns, list(_read_rows(source, body, found, bad_rows)), bad_rows)


def _read_rows(
    source: SourceFile, body: DelimitedText, found: Mapping[str, int], bad_rows: list[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    for line, row in body.rows():
        place = f"{source.path}:{line}"
        if isinstance(row, str):
            bad_rows.append(f"{place}: {row}")
        else:
            yield place, {column: row[index] for column, index in found.items()}
