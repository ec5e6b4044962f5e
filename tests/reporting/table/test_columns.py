"""A column is a data set, a name and the digest of its rows. Published scores stand beside the catalog's rows only."""

import pytest

from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import ResultsTable, build_table
from tests.reporting.table.helpers import CE, LCL
from tests.support.fake_results import sweep

CATALOG = sweep({"ce": CE})
OWN = sweep({"ce": LCL}, "sst5-0000000b", source="tweets/sst5.csv", rows="3f9a1c2e00000000", digest="own")
PART = sweep({"ce": LCL}, "sst5-0000000c", rows="77aa1c2e00000000", subsample={"train": 500})


def notes(table: ResultsTable) -> str:
    return "\n".join(note.text for note in table.notes)


def published_columns(table: ResultsTable) -> set[str]:
    return {dataset for _, dataset, _ in table.published_scores()}


@pytest.mark.parametrize(
    ("sweeps", "heads", "published"),
    [
        ([CATALOG], ["sst5"], {"sst5"}),
        ([OWN], ["sst5 (3f9a1c2e)"], set()),
        ([CATALOG, OWN], ["sst5", "sst5 (3f9a1c2e)"], {"sst5"}),
        ([PART], ["sst5"], set()),
        ([CATALOG, PART], ["sst5", "sst5 (77aa1c2e)"], {"sst5"}),
        ([OWN, PART, CATALOG], ["sst5", "sst5 (3f9a1c2e)", "sst5 (77aa1c2e)"], {"sst5"}),
    ],
)
def test_published_scores_stand_beside_the_whole_data_set_of_the_catalog_only(
    sweeps: list[FinishedSweep], heads: list[str], published: set[str]
) -> None:
    table = build_table(sweeps, published=True)
    assert list(table.datasets) == heads
    assert published_columns(table) == published


def test_rows_under_a_name_of_the_catalog_are_told_apart_in_the_notes() -> None:
    text = notes(build_table([CATALOG, OWN, PART], published=True))
    assert "sst5 (3f9a1c2e): tweets/sst5.csv, not the sst5 of the catalog." in text
    assert "sst5 (77aa1c2e): a part of the rows of sst5." in text
    assert "Published scores are of all rows, and are not shown for a part: sst5 (77aa1c2e)." in text
    assert "No published scores are known for sst5 (3f9a1c2e)." in text


def test_two_data_sets_of_one_name_are_two_columns_and_are_not_compared() -> None:
    first = sweep({"ce": CE}, "data-0000000a", dataset="data", source="reviews/data.csv", rows="aaaaaaaa11")
    second = sweep(
        {"lcl": LCL}, "data-0000000b", dataset="data", source="tweets/data.csv", rows="bbbbbbbb22", digest="b"
    )
    table = build_table([first, second])
    assert list(table.datasets) == ["data (aaaaaaaa)", "data (bbbbbbbb)"]
    assert not table.comparisons
    assert "data (aaaaaaaa): reviews/data.csv." in notes(table)
    assert "data (bbbbbbbb): tweets/data.csv." in notes(table)
    text = render(table, "latex")
    assert "data (aaaaaaaa)" in text


def test_the_same_rows_in_two_sweeps_are_one_column() -> None:
    first = sweep({"ce": CE}, "data-0000000a", dataset="data", source="a/data.csv")
    second = sweep({"lcl": LCL}, "data-0000000b", dataset="data", source="moved/data.csv")
    assert list(build_table([first, second]).datasets) == ["data"]


def test_the_same_rows_under_two_names_are_two_columns_and_a_note() -> None:
    first = sweep({"ce": CE}, "a-0000000a", dataset="a", source="x/a.csv", rows="same", digest="same")
    second = sweep({"ce": CE}, "b-0000000b", dataset="b", source="x/b.csv", rows="same", digest="same")
    table = build_table([first, second])
    assert list(table.datasets) == ["a", "b"]
    assert "a and b have the same rows under different names." in notes(table)
    assert (
        "a: 200 test texts in 3 classes; the test split was accessed 5 times by 1 sweep, and 5 times by sweeps of"
        in (notes(table))
    )


def test_two_revisions_of_a_catalog_data_set_are_two_columns() -> None:
    other = sweep({"ce": CE}, "sst5-0000000d", rows="cccccccc00", digest="revised")
    table = build_table([CATALOG, other])
    assert [head.partition(" ")[0] for head in table.datasets] == ["sst5", "sst5"]
    assert len(set(table.datasets)) == 2
