"""The table has a row per system and a column per data set, and shows the sweep of each that was tested last."""

import io
import sys

import numpy as np
import pandas as pd
import pytest

from sweeper.errors import UsageError
from sweeper.protocol.sweep_results import SearchResult
from sweeper.reporting.table.published_results import PublishedScore
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import ResultsTable, build_table
from tests.reporting.table.helpers import CE, LCL, cell, note, with_results
from tests.support.fake_results import sweep


def test_rows_are_systems_columns_are_data_sets_and_cells_are_means_over_fresh_seeds() -> None:
    first = sweep({"lcl": LCL, "ce": CE, "owner/big lcl": [0.7, 0.72]})
    second = sweep({"scl": [0.9, 0.92, 0.91]}, "sst2-0000000b", dataset="sst2")
    table = build_table([second, first])
    assert tuple(table.datasets) == ("sst5", "sst2")
    assert table.hyperparameters == ("encoder", "loss")
    assert [row.names for row in table.rows] == [("mini", "ce"), ("mini", "scl"), ("mini", "lcl"), ("big", "lcl")]
    ce = cell(table, "mini ce")
    assert [ce.mean, ce.sd] == pytest.approx([0.506, np.std(CE, ddof=1)])
    assert len(ce.scores) == 5
    assert [row.cells[1] is None for row in table.rows] == [True, False, True, True]


def test_the_sweep_tested_last_is_shown_and_the_others_are_named() -> None:
    old = sweep({"ce": [0.9, 0.91, 0.92], "lcl": LCL}, "sst5-0000000c", at=1_000)
    new = sweep({"ce": CE}, "sst5-0000000a", at=3_000)
    older = sweep({"ce": [0.95, 0.96, 0.97]}, "sst5-0000000b", at=500)
    table = build_table([old, new, older])
    assert cell(table, "mini ce").results.sweep == "sst5-0000000a"
    assert cell(table, "mini lcl").results.sweep == "sst5-0000000c"
    shown = "mini ce on sst5: from sst5-0000000a, the one tested last; not shown: sst5-0000000c, sst5-0000000b."
    assert note(table, "not shown") == shown
    assert "the test split was accessed 16 times by 3 sweeps" in note(table, "accessed")


def test_the_name_decides_which_sweep_is_shown_if_no_test_access_does() -> None:
    table = build_table([sweep({"ce": None}, "sst5-0000000b"), sweep({"ce": None}, "sst5-0000000c")])
    shown = "mini ce on sst5: from sst5-0000000c, the last by name; not shown: sst5-0000000b."
    assert note(table, "not shown") == shown


def test_another_sweep_of_the_same_name_is_named_another() -> None:
    table = build_table([sweep({"ce": CE}, at=5), sweep({"ce": CE}, at=9)])
    assert "from sst5-0000000a, the one tested last; not shown: another sst5-0000000a." in note(table, "not shown")
    copies = build_table([sweep({"ce": CE}), sweep({"ce": CE})])
    assert "from sst5-0000000a; not shown: another sst5-0000000a." in note(copies, "not shown")


def test_the_order_of_the_sweeps_does_not_change_the_table() -> None:
    sweeps = [
        sweep({"ce": CE, "lcl": LCL}, "sst5-0000000c", at=1_000),
        sweep({"lcl": LCL, "owner/big ce": CE}, "sst5-0000000b", at=2_000),
        sweep({"owner/big scl": CE}, "sst2-0000000d", dataset="sst2"),
    ]
    first = render(build_table(sweeps), "json")
    assert all(render(build_table(order), "json") == first for order in (sweeps[::-1], [*sweeps[1:], sweeps[0]]))


def test_test_accesses_of_other_sweeps_and_remarks_are_notes() -> None:
    table = build_table(
        [sweep({"ce": [0.5]})], elsewhere={"digest-of-sst5": 1, "digest-of-sst2": 9}, remarks=["Left out: x."]
    )
    usage = "sst5: 200 test texts in 3 classes; the test split was accessed once by 1 sweep, and once by"
    assert usage in note(table, "accessed")
    assert note(table, "Left out") == "Left out: x."


def test_what_readers_of_test_scores_must_know_is_a_note_also_on_the_screen() -> None:
    warning = "20.0% of the test texts (40 of 200) are in train or validation too, so test scores may be too high"
    table = build_table([sweep({"ce": [0.5]}, test_warnings=[warning]), sweep({"lcl": LCL}, "sst5-0000000b")])
    (shown,) = [note for note in table.notes if "are in train" in note.text]
    assert shown.text == shown.screen_text == f"sst5: {warning}."


def test_published_scores_are_separate_rows_and_never_bold_or_compared() -> None:
    first, second = sweep({"ce": CE, "lcl": LCL}), sweep({"ce": CE}, "feelings-0000000b", dataset="feelings")
    table = build_table([first, second], published=True)
    published = {(row.paper, *row.names): row.cells for row in table.rows if row.paper}
    assert tuple(table.datasets) == ("feelings", "sst5")
    assert published["Suresh & Ong (2021)", "ELECTRA-base", "lcl"] == (None, PublishedScore(58.5, 0.2, 5))
    assert published["Modarres & Raeisi", "ELECTRA-base", "scl"] == (None, PublishedScore(58.3))
    assert ("Modarres & Raeisi", "RNN", "ce") not in published  # it has no score on these data sets
    assert len(table.comparisons) == 1
    assert note(table, "No published") == "No published scores are known for feelings."
    assert note(table, "“Not All Negatives are Equal”")
    without = build_table([first, second])
    assert not any(row.paper for row in without.rows)


def test_remarks_about_published_scores_are_notes() -> None:
    table = build_table([sweep({"ce": CE}, "emoint-0000000e", dataset="emoint")], published=True)
    assert "these trainings collapsed" in note(table, "31.7 %")


def test_there_are_no_published_scores_by_another_metric() -> None:
    table = build_table([sweep({"ce": CE})], "macro_f1", published=True)
    assert not any(row.paper for row in table.rows)
    assert note(table, "published scores are accuracies")


def test_a_note_says_from_which_earlier_sweep_a_search_learned() -> None:
    finished = sweep({"ce": CE, "lcl": LCL})
    source = {"sweep": "sst5-0a1b2c3d", "dataset": "sst5", "trials": 9, "ended": 12, "same_validation": True}
    table = build_table([with_results(finished, finished.results.to_dict() | {"learned_from": [source]})])
    expected = "sst5: the search also learned from sst5-0a1b2c3d (sst5), 9 of 12 ended trials; its scores are on the"
    assert note(table, "learned from").startswith(expected)
    assert not any("learned from" in other.text for other in build_table([finished]).notes)


@pytest.mark.parametrize(("cloned", "words"), [(1, "1 of 16 search trials was"), (3, "3 of 16 search trials were")])
def test_a_note_says_how_many_trials_a_user_chose(cloned: int, words: str) -> None:
    finished = sweep({"ce": CE, "lcl": LCL})
    values = finished.results.model_dump(mode="json")
    values["systems"][1]["cloned"] = cloned
    table = build_table([with_results(finished, values)])
    assert f"mini lcl on sst5: {words} chosen by a user, beyond the equal shares of the systems." in note(
        table, "chosen by a user"
    )
    assert not any("chosen by a user" in other.text for other in build_table([finished]).notes)


def test_a_note_says_how_many_trials_raced_and_what_ranked_settings() -> None:
    finished = sweep({"ce": CE, "lcl": LCL})
    values = finished.results.model_dump(mode="json")
    for system in values["systems"]:
        system["raced"], system["best"]["shrunk_mean"] = 6, 0.5
    values["num_trials"] = 32
    table = build_table([with_results(finished, values)])
    assert note(table, "racing") == (
        "sst5: 12 of 32 search trials were further seeds of the best settings (racing); settings were ranked by means "
        "over seeds that are shrunk towards the mean of their system."
    )
    assert not any("racing" in other.text for other in build_table([finished]).notes)


def test_a_note_says_what_ended_a_search_before_its_last_trial() -> None:
    ended = SearchResult(
        epochs=40, hours=1, gpu_hours=0, ended_by="budget.epochs", reason="the budget's 40 epochs are used"
    )
    table = build_table([sweep({"ce": CE, "lcl": LCL}, search=ended), sweep({"ce": CE}, "sst2-0", dataset="sst2")])
    reason = (
        "sst5: the search ended after 16 trials of each system, before its last trial, because the budget's 40 epochs"
    )
    assert note(table, "the search ended") == f"{reason} are used."


@pytest.mark.parametrize("detail", [False, True])
def test_the_data_frame_has_the_rows_of_the_csv(table: ResultsTable, *, detail: bool) -> None:
    text = render(table, "csv", detail=detail)
    expected = pd.read_csv(io.StringIO(text), dtype={"caveats": str}, keep_default_na=False, na_values=[""])
    found = table.to_pandas(detail=detail)
    assert list(found.columns) == list(expected.columns)
    assert found["mean"].tolist() == pytest.approx(expected["mean"].tolist(), nan_ok=True)
    for name in ("loss", "dataset", "sweep"):
        assert found[name].fillna("").tolist() == expected[name].fillna("").tolist()


def test_a_data_frame_without_pandas_is_one_clear_error(table: ResultsTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="needs the package pandas; pip install pandas"):
        table.to_pandas()
