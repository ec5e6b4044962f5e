"""A cell has the scores of its fresh seeds, and a caveat for anything unusual about them."""

import re
from dataclasses import replace
from typing import Any

import pytest

from sweeper.errors import RecordError
from sweeper.reporting.table.cells import Caveat
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import build_table
from tests.reporting.table.helpers import CE, LCL, bold_losses, cell, note, with_results
from tests.support.fake_results import sweep


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda results: results.pop("test_accesses"), "test_accesses"),
        (
            lambda results: results["systems"][0]["confirmation"].update(planned_seeds="five"),
            "systems.0.confirmation.planned_seeds",
        ),
        (
            lambda results: results["systems"][0]["confirmation"]["seeds"][1].update(outcome="won"),
            "systems.0.confirmation.seeds.1",
        ),
        (lambda results: results.update(test_split=7), "test_split"),
    ],
)
def test_damaged_results_are_rejected_with_the_place(change: Any, place: str) -> None:
    finished = sweep({"ce": CE})
    results = finished.results.to_dict()
    change(results)
    with pytest.raises(RecordError, match=rf"sst5-0000000a: its results are damaged at {place}"):
        build_table([with_results(finished, results)])


@pytest.mark.parametrize("score", [None, 51.0, -0.1, float("nan")])
def test_a_score_outside_of_0_to_1_is_rejected(score: float | None) -> None:
    finished = sweep({"ce": CE})
    results = finished.results.to_dict()
    results["systems"][0]["confirmation"]["seeds"][0]["test"] = {} if score is None else {"test/accuracy": score}
    with pytest.raises(RecordError, match=r"trial 100 has (no )?test/accuracy.*; restore a copy of the sweep"):
        build_table([with_results(finished, results)])


def test_every_caveat_of_a_cell_has_a_note() -> None:
    finished = sweep({"ce": [0.5, 0.51, "diverged", 0.5, "failed"], "scl": None, "lcl": LCL})
    results = finished.results.to_dict()
    results["systems"][2]["confirmation"]["tested_settings"] = 2
    results["systems"][2]["confirmation"]["seeds"][0]["outcome"] = "collapsed"
    table = build_table([with_results(finished, results)])
    assert cell(table, "mini ce").caveats == {Caveat.INCOMPLETE: "3 of 5", Caveat.ENDED_BADLY: "1 diverged, 1 failed"}
    assert cell(table, "mini scl").caveats == {Caveat.UNCONFIRMED: ""}
    assert cell(table, "mini scl").mean is None
    assert cell(table, "mini lcl").caveats == {
        Caveat.ENDED_BADLY: "1 collapsed",
        Caveat.SECOND_TEST_ACCESS: "2 settings tested",
    }
    assert note(table, "not confirmed") == f"a {Caveat.UNCONFIRMED}: mini scl on sst5."
    assert note(table, "fewer seeds") == f"b {Caveat.INCOMPLETE}: mini ce on sst5 (3 of 5)."
    ended = "mini ce on sst5 (1 diverged, 1 failed); mini lcl on sst5 (1 collapsed)"
    assert note(table, "did not complete") == f"c {Caveat.ENDED_BADLY}: {ended}."
    assert note(table, "tested again") == f"d {Caveat.SECOND_TEST_ACCESS}: mini lcl on sst5 (2 settings tested)."


def test_a_system_without_a_completed_trial_has_a_note() -> None:
    finished = sweep({"ce": None, "lcl": LCL})
    results = finished.results.to_dict()
    results["systems"][0]["outcomes"] = {"diverged": 16}
    assert "mini ce on sst5 (no trial of its search completed: 16 diverged)" in note(
        build_table([with_results(finished, results)]), "not con"
    )


def test_seeds_that_failed_are_noted_without_a_test_split_too() -> None:
    table = build_table([sweep({"ce": [None, "failed", "out_of_memory"]}, test_split=None)])
    assert cell(table, "mini ce").caveats[Caveat.ENDED_BADLY] == "1 failed, 1 out of memory"


def test_a_subsample_is_noted_once_for_a_whole_column() -> None:
    table = build_table([sweep({"ce": CE, "lcl": LCL}, subsample={"train": 5000})])
    assert cell(table, "mini ce").caveats == {Caveat.LIMITED: "5,000 of train"}
    assert note(table, "part of the rows") == "a only a part of the rows was used: all of sst5 (5,000 of train)."


def test_a_data_set_without_a_test_split_has_empty_cells_and_a_note() -> None:
    table = build_table([sweep({"ce": [None, None, None]}, test_split=None)])
    validation = "validation/accuracy 0.5200 ± 0.0060 with 3 fresh seeds"
    assert cell(table, "mini ce").caveats == {Caveat.UNTESTED: validation}
    assert note(table, "Without a test split there is no test score")


def test_the_validation_scores_of_a_cell_count_the_seeds_that_have_one() -> None:
    finished = sweep({"ce": [None, None, "failed"]}, test_split=None)
    results = finished.results.to_dict()
    results["systems"][0]["confirmation"]["seeds"][2]["metrics"] = {}
    found = cell(build_table([with_results(finished, results)]), "mini ce").caveats[Caveat.UNTESTED]
    assert found == "validation/accuracy 0.5200 ± 0.0060 with 2 fresh seeds"


@pytest.mark.parametrize("brief", [False, True])
@pytest.mark.parametrize("scores", [[None, None, None], None])
def test_the_notes_of_a_sweep_without_a_test_split_fit_it(scores: list[None] | None, brief: bool) -> None:
    table = build_table([sweep({"ce": scores, "lcl": [None] * 3}, test_split=None)])
    text = render(table, "md", brief=brief)
    assert not re.search(r"once|accessed|test access|test texts|[Bb]old|; 16|not tested", text)
    validation = "(validation/accuracy 0.5200 ± 0.0060 with 3 fresh seeds)"
    assert re.search(rf"(mini lcl on|all of) sst5 {re.escape(validation)}", text)


def test_a_column_without_a_test_split_stands_beside_one_with_it() -> None:
    tested, untested = sweep({"ce": CE}), sweep({"ce": [None] * 3}, "own-0000000b", dataset="own", test_split=None)
    text = render(build_table([tested, untested]), "md")
    assert "own has no test split." in text
    assert "sst5: 200 test texts in 3 classes; the test split was accessed 5 times by 1 sweep." in text


def test_nothing_is_said_of_fresh_seeds_where_there_are_none() -> None:
    text = render(build_table([sweep({"ce": None, "lcl": None})]), "md")
    assert "Settings were chosen on the validation split (validation/accuracy); none was trained again" in text
    assert "scored on the test split" not in text
    assert "the test split was accessed by no sweep here." in text
    untested = render(build_table([sweep({"ce": None}, test_split=None)]), "md")
    assert "chosen on the validation split (validation/accuracy).\n" in untested


def test_sweeps_that_never_accessed_the_test_split_do_not_count_as_if_they_had() -> None:
    sweeps = [sweep({"ce": CE}, rows="r"), sweep({"lcl": None}, "sst5-0000000b", rows="r")]
    assert f"accessed {len(CE)} times by 1 sweep." in render(build_table(sweeps), "md")


def test_an_interval_of_a_share_stays_between_0_and_1_and_is_not_of_width_0() -> None:
    table = build_table([sweep({"ce": [0.99, 1.0, 1.0], "lcl": [1.0, 1.0, 1.0]})])
    wide, certain = (cell.interval for _, cell in table.system_cells())
    assert wide is not None
    assert (wide.low < 0.99, wide.high) == (True, 1.0)
    assert certain is None


def test_tested_once_is_said_only_where_it_is_so() -> None:
    finished = sweep({"ce": CE})
    once = "Only these models were scored on the test split, once each."
    assert once in render(build_table([finished]), "md")
    accesses = finished.results.to_dict()["test_accesses"]
    for more in (accesses[0] | {"at": 9}, accesses[0] | {"trial": 12}):
        text = render(
            build_table([with_results(finished, finished.results.to_dict() | {"test_accesses": [*accesses, more]})]),
            "md",
        )
        assert "Not only these models were scored on the test split, or not only once" in text
        assert "accessed 6 times by 1 sweep" in text


def test_tested_once_counts_replaced_sweeps_and_those_outside_the_table() -> None:
    once, more = "Only these models were scored on the test split, once each.", "Not only these models were scored"
    old, new = sweep({"ce": [0.5] * 3}, at=1_000), sweep({"ce": [0.6] * 3}, "sst5-0000000b", at=2_000)
    text = render(build_table([old, new]), "md")
    assert "accessed 6 times by 2 sweeps" in text
    assert more in text
    assert once not in text
    assert more in render(build_table([new], elsewhere={"digest-of-sst5": 1}), "md")
    assert once in render(build_table([new], elsewhere={"digest-of-sst2": 1}), "md")


def test_tested_once_holds_for_two_columns_with_the_same_test_texts() -> None:
    """The models of both columns are in the table, and each was scored once."""
    whole = sweep({"ce": CE}, digest="same")
    part = sweep({"ce": CE}, "sst5-0000000b", digest="same", rows="77aa1c2e00000000", subsample={"train": 500})
    text = render(build_table([whole, part]), "md")
    assert "5 times by sweeps of other columns" in text
    assert "Only these models were scored on the test split, once each." in text
    spent = part.results.to_dict()
    spent["test_accesses"].append(spent["test_accesses"][0] | {"at": 9})
    assert "Not only these models" in render(build_table([whole, with_results(part, spent)]), "md")


@pytest.mark.parametrize(
    ("texts", "absent"),
    [((200, 0, 9), "good"), ((200, 0, 0), "good and 1 more class"), ((0, 0, 0), "bad and 2 more classes")],
)
def test_a_metric_that_needs_every_class_says_which_ones_the_test_split_lacks(
    texts: tuple[int, ...], absent: str
) -> None:
    finished = sweep({"ce": CE}, class_counts={"test": dict(zip(("bad", "good", "so so"), texts, strict=True))})
    table = build_table([finished], "auroc")
    assert cell(table, "mini ce").mean is None
    assert note(table, f"it is undefined, because the test split has no text of {absent}")


def test_a_system_with_missing_predictions_is_not_compared_and_has_a_note() -> None:
    finished = sweep({"ce": CE, "scl": [0.7, 0.71, 0.72], "lcl": LCL})
    without = replace(finished, predictions={k: model for k, model in finished.predictions.items() if k != 111})
    table = build_table([without])
    assert cell(table, "mini scl").mean == pytest.approx(0.71)
    assert cell(table, "mini scl").caveats == {Caveat.NOT_COMPARED: ""}
    assert [pair.reason for pair in table.comparisons if pair.lead is None] == ["predictions are missing"] * 2
    assert bold_losses(table) == []  # the best is the one that was not compared
    assert note(table, "not compared with other systems")
