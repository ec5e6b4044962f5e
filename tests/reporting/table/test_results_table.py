"""The table says what fresh seeds scored, compares what can be compared, and has a note for whatever is odd."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.bold import simulated
from sweeper.errors import RecordError, UsageError
from sweeper.protocol.statistics import accuracy, difference, holm_correction
from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table.cells import Caveat, TableCell
from sweeper.reporting.table.formats import render
from sweeper.reporting.table.published_results import PublishedScore
from sweeper.reporting.table.results_table import FinishedSweep, ResultsTable, TestPredictions, build_table
from tests.support.fake_results import answered, sweep

CE, LCL = [0.50, 0.51, 0.505, 0.5, 0.515], [0.6, 0.61, 0.605, 0.6, 0.61]


def cell(made: ResultsTable, names: str, dataset: str = "sst5") -> TableCell:
    """The cell of our row with these names."""
    (row,) = [row for row in made.rows if " ".join(row.names) == names and not row.paper]
    found = row.cells[list(made.datasets).index(dataset)]
    assert isinstance(found, TableCell)
    return found


def bold(made: ResultsTable) -> list[str]:
    ours = [cell for row in made.rows for cell in row.cells if isinstance(cell, TableCell)]
    return [str(dict(cell.system)["loss"]) for cell in ours if cell.bold]


def note(made: ResultsTable, about: str) -> str:
    """The one note that speaks of something."""
    (found,) = [note for note in made.notes if about in note.text]
    return f"{found.sign} {found.text}".strip()


def changed(finished: FinishedSweep, **results: Any) -> FinishedSweep:
    return replace(finished, results=SweepResults.parse({**finished.results.to_dict(), **results}))


def test_rows_are_systems_columns_data_sets_and_a_cell_is_the_mean_over_fresh_seeds() -> None:
    first = sweep({"lcl": LCL, "ce": CE, "owner/big lcl": [0.7, 0.72]})
    second = sweep({"scl": [0.9, 0.92, 0.91]}, "sst2-0000000b", dataset="sst2")
    made = build_table([second, first])
    assert tuple(made.datasets) == ("sst5", "sst2")
    assert made.hyperparameters == ("encoder", "loss")
    assert [row.names for row in made.rows] == [("mini", "ce"), ("mini", "scl"), ("mini", "lcl"), ("big", "lcl")]
    ce = cell(made, "mini ce")
    assert [ce.mean, ce.sd] == pytest.approx([0.506, np.std(CE, ddof=1)])
    assert len(ce.scores) == 5
    assert [row.cells[1] is None for row in made.rows] == [True, False, True, True]


@pytest.mark.parametrize(("metric", "share"), [("macro_f1", 0.9), ("weighted_f1", 0.95)])
def test_another_metric_has_no_tests_and_the_notes_say_so(metric: str, share: float) -> None:
    made = build_table([sweep({"ce": CE, "lcl": LCL})], metric)
    assert cell(made, "mini lcl").mean == pytest.approx(share * np.mean(LCL))
    assert cell(made, "mini lcl").interval is None
    assert made.pairs == ()
    assert "Nothing is bold" in note(made, f"by accuracy, and not by {metric}")


# ---- tests


def test_the_best_is_bold_where_its_lead_over_the_next_best_stands() -> None:
    made = build_table([sweep({"ce": CE, "scl": [0.50, 0.52, 0.51, 0.505, 0.51], "lcl": LCL})])
    assert bold(made) == ["lcl"]
    assert "for the 3 pairs of this table" in note(made, "Bold is the best")
    close = build_table([sweep({"ce": CE, "scl": LCL, "lcl": [score + 0.005 for score in LCL]})])
    assert bold(close) == []


def test_intervals_pairs_and_holm_are_those_of_the_answers_over_the_whole_table() -> None:
    first = sweep({"ce": CE, "scl": [0.55, 0.54, 0.56], "lcl": LCL})
    second = sweep({"ce": [0.8, 0.82, 0.81], "lcl": [0.81, 0.8, 0.82]}, "sst2-0000000b", dataset="sst2")
    made = build_table([first, second])
    hits = {
        (one.results.dataset, result.system["loss"]): np.stack(
            [
                one.predictions[seed.trial].labels == one.predictions[seed.trial].predictions
                for seed in (result.confirmation.seeds if result.confirmation else ())
            ]
        )
        for one in (first, second)
        for result in one.results.systems
    }
    expected = {
        (dataset, ours, theirs): difference(hits[dataset, ours], hits[dataset, theirs])
        for dataset, ours, theirs in [
            *[("sst5", "ce", "scl"), ("sst5", "ce", "lcl"), ("sst5", "scl", "lcl"), ("sst2", "ce", "lcl")]
        ]
    }
    found = {(pair.dataset, dict(pair.ours)["loss"], dict(pair.theirs)["loss"]): pair for pair in made.pairs}
    assert {key: pair.lead for key, pair in found.items()} == expected
    assert [pair.holm for pair in found.values()] == pytest.approx(
        holm_correction([one.p for one in expected.values()])
    )
    assert cell(made, "mini scl").interval == accuracy(hits["sst5", "scl"])


@pytest.mark.parametrize("short", ["ce", "lcl"])
def test_nothing_is_bold_where_the_best_or_the_next_has_under_three_seeds(short: str) -> None:
    scores = {"ce": CE, "lcl": LCL}
    made = build_table([sweep({**scores, short: scores[short][:2]})])
    (pair,) = made.pairs
    assert pair.lead is not None
    assert bold(made) == []
    assert bold(build_table([sweep({**scores, short: scores[short][:3]})])) == ["lcl"]


def test_a_single_seed_is_shown_and_not_tested() -> None:
    made = build_table([sweep({"ce": [0.5], "lcl": LCL})])
    one = cell(made, "mini ce")
    assert (one.mean, one.sd, one.interval) == (0.5, None, None)
    assert [(pair.lead, pair.holm, pair.why) for pair in made.pairs] == [(None, None, "a single seed")]
    assert note(made, "no two systems")


def test_the_third_best_does_not_make_the_best_bold() -> None:
    made = build_table([sweep({"ce": CE, "scl": [score - 0.002 for score in LCL], "lcl": LCL})])
    stands = {(dict(pair.ours)["loss"], dict(pair.theirs)["loss"]): pair.holm for pair in made.pairs}
    assert (stands["ce", "lcl"] or 1) < 0.05
    assert bold(made) == []


@pytest.mark.parametrize("seeds", [3, 5])
def test_equal_systems_are_seldom_in_bold(seeds: int) -> None:
    found = simulated(80, systems=2, datasets=1, seeds=seeds, texts=300)
    assert found["bold"] <= found["most"] == 8


def test_a_true_lead_of_three_points_is_mostly_in_bold() -> None:
    assert simulated(20, systems=3, datasets=1, seeds=5, lead=0.03)["right"] > 10


@pytest.mark.slow
@pytest.mark.parametrize(("systems", "datasets"), [(2, 1), (3, 3)])
@pytest.mark.parametrize("seeds", [3, 5])
def test_a_thousand_tables_of_equal_systems(systems: int, datasets: int, seeds: int) -> None:
    found = simulated(1000, systems, datasets, seeds)
    assert found["bold"] <= found["most"] == 64


# ---- what must not stand in one column


def test_other_test_texts_or_classes_are_refused_with_both_sweeps_and_the_remedy() -> None:
    first, second = sweep({"ce": CE}), sweep({"lcl": LCL}, "sst5-0000000b", digest="another", texts=100)
    message = (
        "sst5: sst5-0000000a was tested on 200 texts of digest digest-o, sst5-0000000b on 100 texts of digest another; "
        "they cannot stand in one column. Name the sweeps that shall: sweeper table SWEEP..."
    )
    with pytest.raises(UsageError, match=re.escape(message)):
        build_table([second, first])
    with pytest.raises(UsageError, match="sst5-0000000b on the classes so so, bad, good"):
        build_table([first, sweep({"lcl": LCL}, "sst5-0000000b", labels=["so so", "bad", "good"])])
    with pytest.raises(UsageError):  # by another metric too
        build_table([first, second], "macro_f1")
    assert build_table(
        [first, sweep({"lcl": None}, "sst5-0000000b", digest="another", texts=100)]
    )  # it has no figure there


def test_answers_that_contradict_the_scores_are_refused() -> None:
    one = sweep({"ce": CE})
    altered = replace(one, predictions={**one.predictions, 102: answered(0.52, 200, 102)})
    with pytest.raises(
        RecordError, match=r"sst5-0000000a: trial 102 scored 0\.5050 on 200 test texts, but its answers"
    ):
        build_table([altered])
    with pytest.raises(RecordError, match=r"of 100: one of the two was altered"):
        build_table([replace(one, predictions={**one.predictions, 102: answered(0.5, 100, 102)})])
    turned = {k: TestPredictions(found.labels[::-1], found.predictions[::-1]) for k, found in one.predictions.items()}
    with pytest.raises(RecordError, match="answers are to other test texts"):
        build_table([replace(one, predictions={**one.predictions, 104: turned[104]})])


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
def test_results_that_are_damaged_are_refused_with_the_place(change: Any, place: str) -> None:
    one = sweep({"ce": CE})
    results = one.results.to_dict()
    change(results)
    with pytest.raises(RecordError, match=rf"sst5-0000000a: its results are damaged at {place}"):
        build_table([replace(one, results=SweepResults.parse(results))])


@pytest.mark.parametrize("score", [None, 51.0, -0.1, float("nan")])
def test_a_score_that_is_no_share_is_refused(score: float | None) -> None:
    one = sweep({"ce": CE})
    results = one.results.to_dict()
    results["systems"][0]["confirmation"]["seeds"][0]["test"] = {} if score is None else {"test/accuracy": score}
    with pytest.raises(RecordError, match=r"trial 100 has .* as test/accuracy, where a share must stand"):
        build_table([replace(one, results=SweepResults.parse(results))])


# ---- what is odd


def test_whatever_is_odd_about_a_cell_is_marked_and_noted() -> None:
    one = sweep({"ce": [0.5, 0.51, "diverged", 0.5, "failed"], "scl": None, "lcl": LCL})
    results = one.results.to_dict()
    results["systems"][2]["confirmation"]["tested_settings"] = 2
    results["systems"][2]["confirmation"]["seeds"][0]["outcome"] = "collapsed"
    made = build_table([replace(one, results=SweepResults.parse(results))])
    assert cell(made, "mini ce").caveats == {Caveat.INCOMPLETE: "3 of 5", Caveat.ENDED_BADLY: "1 diverged, 1 failed"}
    assert cell(made, "mini scl").caveats == {Caveat.UNCONFIRMED: ""}
    assert cell(made, "mini scl").mean is None
    assert cell(made, "mini lcl").caveats == {
        Caveat.ENDED_BADLY: "1 collapsed",
        Caveat.SECOND_TEST_ACCESS: "2 settings tested",
    }
    assert note(made, "not confirmed") == f"a {Caveat.UNCONFIRMED}: mini scl on sst5."
    assert note(made, "fewer seeds") == f"b {Caveat.INCOMPLETE}: mini ce on sst5 (3 of 5)."
    ended = "mini ce on sst5 (1 diverged, 1 failed); mini lcl on sst5 (1 collapsed)"
    assert note(made, "did not end well") == f"c {Caveat.ENDED_BADLY}: {ended}."
    assert note(made, "a second look") == f"d {Caveat.SECOND_TEST_ACCESS}: mini lcl on sst5 (2 settings tested)."


def test_a_cell_of_which_nothing_completed_says_so() -> None:
    one = sweep({"ce": None, "lcl": LCL})
    results = one.results.to_dict()
    results["systems"][0]["outcomes"] = {"diverged": 16}
    assert "mini ce on sst5 (nothing completed in its search)" in note(
        build_table([replace(one, results=SweepResults.parse(results))]), "not con"
    )


def test_a_part_of_the_rows_is_said_once_for_a_whole_column() -> None:
    made = build_table([sweep({"ce": CE, "lcl": LCL}, limited={"train": 5000})])
    assert cell(made, "mini ce").caveats == {Caveat.LIMITED: "5,000 of train"}
    assert note(made, "part of the rows") == "a only a part of the rows was used: all of sst5 (5,000 of train)."


def test_without_a_test_split_a_cell_is_empty_and_says_why() -> None:
    made = build_table([sweep({"ce": [None, None, None]}, test=None)])
    assert cell(made, "mini ce").caveats == {Caveat.UNTESTED: ""}
    assert note(made, "sst5 has no test split")


def test_a_cell_whose_answers_are_not_at_hand_is_left_out_of_the_tests_and_says_so() -> None:
    one = sweep({"ce": CE, "scl": [0.7, 0.71, 0.72], "lcl": LCL})
    without = replace(one, predictions={k: found for k, found in one.predictions.items() if k != 111})
    made = build_table([without])
    assert cell(made, "mini scl").mean == pytest.approx(0.71)
    assert cell(made, "mini scl").caveats == {Caveat.NOT_COMPARED: ""}
    assert [pair.why for pair in made.pairs if pair.lead is None] == ["answers are not at hand"] * 2
    assert bold(made) == []  # the best is the one that could not be tested
    assert note(made, "left out of the tests")


# ---- several sweeps


def test_of_several_sweeps_the_newest_is_shown_and_the_others_named() -> None:
    old = sweep({"ce": [0.9, 0.91, 0.92], "lcl": LCL}, "sst5-0000000c", at=1_000)
    new = sweep({"ce": CE}, "sst5-0000000a", at=3_000)
    older = sweep({"ce": [0.95, 0.96, 0.97]}, "sst5-0000000b", at=500)
    made = build_table([old, new, older])
    assert cell(made, "mini ce").sweep.sweep == "sst5-0000000a"
    assert cell(made, "mini lcl").sweep.sweep == "sst5-0000000c"
    shown = "mini ce on sst5: from sst5-0000000a, the newest; not shown: sst5-0000000c, sst5-0000000b."
    assert note(made, "the newest") == shown
    assert "the test split was opened 16 times by 3 sweeps" in note(made, "opened")


def test_where_no_look_tells_which_is_newer_the_name_does() -> None:
    made = build_table([sweep({"ce": None}, "sst5-0000000b"), sweep({"ce": None}, "sst5-0000000c")])
    assert "from sst5-0000000c, the newest" in note(made, "the newest")


def test_another_sweep_of_the_same_name_is_called_so() -> None:
    made = build_table([sweep({"ce": CE}, at=5), sweep({"ce": CE}, at=9)])
    assert "not shown: another sst5-0000000a." in note(made, "the newest")


def test_the_table_does_not_hang_on_the_order_of_the_sweeps() -> None:
    sweeps = [
        sweep({"ce": CE, "lcl": LCL}, "sst5-0000000c", at=1_000),
        sweep({"lcl": LCL, "owner/big ce": CE}, "sst5-0000000b", at=2_000),
        sweep({"owner/big scl": CE}, "sst2-0000000d", dataset="sst2"),
    ]
    first = render(build_table(sweeps), "json")
    assert all(render(build_table(order), "json") == first for order in (sweeps[::-1], [*sweeps[1:], sweeps[0]]))


def test_test_accesses_of_sweeps_elsewhere_and_remarks_are_told() -> None:
    made = build_table([sweep({"ce": [0.5]})], elsewhere={"sst5": 1, "sst2": 9}, remarks=["Left out: x."])
    opened = "sst5: 200 test texts in 3 classes; the test split was opened once by 1 sweep, and once by sweeps that are"
    assert opened in note(made, "opened")
    assert note(made, "Left out") == "Left out: x."


# ---- systems


def test_an_encoder_or_a_loss_that_a_sweep_does_not_vary_belongs_to_its_systems() -> None:
    one = sweep({"ce": CE, "lcl": LCL})
    results = one.results.to_dict()
    for entry in results["systems"]:
        del entry["system"]["encoder"]
    made = build_table([replace(one, results=SweepResults.parse(results))])  # one encoder was resolved
    assert [row.names for row in made.rows] == [("mini", "ce"), ("mini", "lcl")]
    results["training"] = {"encoder": "gru", "epochs": 3}
    assert [row.names for row in build_table([replace(one, results=SweepResults.parse(results))]).rows] == [
        ("gru", "ce"),
        ("gru", "lcl"),
    ]
    for entry, pooling in zip(results["systems"], ("cls", "mean"), strict=True):
        entry["system"] = {"pooling": pooling}
    made = build_table([replace(one, results=SweepResults.parse(results))])
    assert made.hyperparameters == ("encoder", "loss", "pooling")
    assert [row.names for row in made.rows] == [("gru", "ce", "cls"), ("gru", "ce", "mean")]


def test_a_hyperparameter_that_the_search_decided_is_none_of_the_systems() -> None:
    one = sweep({"ce": CE})
    results = one.results.to_dict()
    results["systems"][0]["system"] = {}
    results["systems"][0]["best"]["params"] |= {"encoder": "owner/mini", "loss": "scl"}
    results["training"] = {"epochs": 3}
    assert [row.names for row in build_table([replace(one, results=SweepResults.parse(results))]).rows] == [("–", "–")]


def test_encoders_of_one_name_keep_their_owners() -> None:
    made = build_table([sweep({"a/mini ce": CE, "b/mini ce": LCL, "c/big ce": CE})])
    assert [row.names[0] for row in made.rows] == ["a/mini", "b/mini", "big"]


def test_another_hyperparameter_stands_in_the_rows_where_it_tells_them_apart() -> None:
    one = sweep({"ce": CE, "lcl": LCL})
    results = one.results.to_dict()
    for entry, frozen in zip(results["systems"], (True, False), strict=True):
        entry["system"] |= {"loss": "ce", "freeze_embeddings": frozen, "pooling": "cls"}
    made = build_table([replace(one, results=SweepResults.parse(results))])
    assert made.hyperparameters == ("encoder", "loss", "freeze_embeddings")
    assert [row.names for row in made.rows] == [("mini", "ce", "true"), ("mini", "ce", "false")]


# ---- the papers


def test_the_papers_figures_are_rows_of_their_own_never_bold_nor_compared() -> None:
    first, second = sweep({"ce": CE, "lcl": LCL}), sweep({"ce": CE}, "feelings-0000000b", dataset="feelings")
    made = build_table([first, second], published=True)
    theirs = {(row.paper, *row.names): row.cells for row in made.rows if row.paper}
    assert tuple(made.datasets) == ("feelings", "sst5")
    assert theirs["Suresh & Ong (2021)", "ELECTRA-base", "lcl"] == (None, PublishedScore(58.5, 0.2, 5))
    assert theirs["Modarres & Raeisi", "ELECTRA-base", "scl"] == (None, PublishedScore(58.3))
    assert ("Modarres & Raeisi", "RNN", "ce") not in theirs  # it has none for these data sets
    assert len(made.pairs) == 1
    assert note(made, "No paper's figures") == "No paper's figures are at hand for feelings."
    assert note(made, "“Not All Negatives are Equal”")
    without = build_table([first, second])
    assert not any(row.paper for row in without.rows)


def test_what_must_be_known_of_the_papers_figures_is_said() -> None:
    made = build_table([sweep({"ce": CE}, "emoint-0000000e", dataset="emoint")], published=True)
    assert "these trainings collapsed" in note(made, "31.7 %")


def test_by_another_metric_the_papers_have_no_figures() -> None:
    made = build_table([sweep({"ce": CE})], "macro_f1", published=True)
    assert not any(row.paper for row in made.rows)
    assert note(made, "figures are accuracies")
