"""The winner of a sweep: chosen on validation, with a lead that is measured and judged on the test split."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.protocol.statistics import Estimate
from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.winner import Lead, Winner, describe_winner, find_winner
from tests.support import fake_results
from tests.support.fake_results import Scores


def _finished(systems: Mapping[str, Scores | None], validation: Mapping[str, float] | None = None) -> FinishedSweep:
    """Return a finished sweep whose systems have these test scores, and these means on validation."""
    finished = fake_results.sweep(systems)
    results = finished.results.to_dict()
    for name, result in zip(systems, results["systems"], strict=True):
        if validation and result["confirmation"]:
            result["confirmation"]["mean"] = validation[name]
    return FinishedSweep(SweepResults.parse(results), finished.predictions)


def _winner(finished: FinishedSweep) -> Winner:
    winner = find_winner(finished.results, finished.predictions)
    assert winner is not None
    return winner


def _lines(finished: FinishedSweep, names: list[str]) -> dict[str, str]:
    return dict(describe_winner(_winner(finished), finished.results, names))


def test_validation_chooses_the_winner_even_if_another_system_is_ahead_on_test() -> None:
    scores = {"ce": [0.60, 0.61, 0.62], "lcl": [0.50, 0.51, 0.52]}
    finished = _finished(scores, {"ce": 0.55, "lcl": 0.58})
    assert _winner(finished).system == 1
    lead = _lines(finished, ["ce", "lcl"])["lead"]
    assert lead.startswith("-10.0 points of test accuracy over ce (95 % interval ")
    assert lead.endswith("): ce is ahead on test, so the order is open")


def test_a_tie_on_validation_is_said() -> None:
    finished = _finished({"ce": [0.5, 0.6], "lcl": [0.5, 0.6], "scl": [0.5, 0.6]}, {"ce": 0.5, "lcl": 0.5, "scl": 0.4})
    assert (
        _lines(finished, ["ce", "lcl", "scl"])["tie"]
        == "lcl has the same score; the first in the search space is taken"
    )
    assert "tie" not in _lines(_finished({"ce": [0.5], "lcl": [0.5]}, {"ce": 0.5, "lcl": 0.4}), ["ce", "lcl"])


def test_a_large_lead_over_the_strongest_rival_stands() -> None:
    scores = {"scl": [0.50, 0.50, 0.51], "ce": [0.55, 0.55, 0.56], "lcl": [0.90, 0.91, 0.90]}
    finished = _finished(scores, {"scl": 0.7, "ce": 0.6, "lcl": 0.8})
    winner = _winner(finished)
    assert winner.lead is not None
    assert winner.lead.other == 1  # of the others, ce is the best on test
    assert winner.lead.stands
    assert _lines(finished, ["scl", "ce", "lcl"])["lead"].endswith("p below 0.001): the lead stands")


def test_the_lead_does_not_depend_on_the_order_of_the_systems() -> None:
    scores = {"ce": [0.50, 0.54, 0.53], "lcl": [0.58, 0.60, 0.66], "scl": [0.40, 0.41, 0.40]}
    means = {"ce": 0.5, "lcl": 0.6, "scl": 0.4}
    leads = []
    for names in (["ce", "lcl", "scl"], ["scl", "ce", "lcl"], ["lcl", "scl", "ce"]):
        finished = _finished({name: scores[name] for name in names}, means)
        leads.append(_winner(finished).lead)
        assert leads[-1] is not None
        assert names[leads[-1].other] == "ce"
    differences = [lead.difference for lead in leads if lead is not None and lead.difference is not None]
    assert [d.mean for d in differences] == pytest.approx([0.09] * 3, abs=0.005)


def test_two_seeds_give_no_verdict_however_large_the_lead_is() -> None:
    finished = _finished({"ce": [0.30, 0.30], "lcl": [0.90, 0.90]}, {"ce": 0.3, "lcl": 0.9})
    assert _lines(finished, ["ce", "lcl"])["lead"].endswith("too few seeds for a verdict, at least 3 are needed")


def test_a_small_lead_may_be_chance() -> None:
    finished = _finished({"ce": [0.50, 0.52, 0.54], "lcl": [0.51, 0.53, 0.55]}, {"ce": 0.5, "lcl": 0.6})
    assert _lines(finished, ["ce", "lcl"])["lead"].endswith("the lead may be chance")


@pytest.mark.parametrize(
    ("seeds", "reason"),
    [
        ([0.5], "not compared with ce: that needs at least two fresh seeds of both, with a test score"),
        ([0.5] * 3, "predictions are missing"),
    ],
)
def test_a_lead_that_cannot_be_computed_has_its_reason(seeds: list[float], reason: str) -> None:
    finished = _finished({"ce": seeds, "lcl": seeds}, {"ce": 0.5, "lcl": 0.6})
    without = FinishedSweep(finished.results, {})
    assert reason in _lines(without, ["ce", "lcl"])["lead"]


@pytest.mark.parametrize(
    ("scl", "is_stored", "reason"),
    [
        ([0.95, "failed", "failed"], True, "that needs at least two fresh seeds of both, with a test score"),
        ([0.95, 0.95, 0.94], False, "predictions are missing"),
    ],
)
def test_there_is_no_verdict_if_the_strongest_other_system_cannot_be_compared(
    scl: Scores, is_stored: bool, reason: str
) -> None:
    scores: dict[str, Scores | None] = {"ce": [0.50, 0.51, 0.50], "scl": scl, "lcl": [0.80, 0.81, 0.80]}
    finished = _finished(scores, {"ce": 0.5, "scl": 0.6, "lcl": 0.8})
    kept = {k: model for k, model in finished.predictions.items() if is_stored or k != 111}
    lead = _lines(FinishedSweep(finished.results, kept), ["ce", "scl", "lcl"])["lead"]
    assert lead == f"not compared with scl: {reason}"


def test_a_system_without_a_test_score_is_not_the_strongest_other_one() -> None:
    scores: dict[str, Scores | None] = {"scl": ["failed"] * 3, "ce": [0.50, 0.51, 0.50], "lcl": [0.80, 0.81, 0.80]}
    finished = _finished(scores, {"scl": 0.7, "ce": 0.5, "lcl": 0.8})
    assert _lines(finished, ["scl", "ce", "lcl"])["lead"].startswith("+30.0 points of test accuracy over ce")
    only = _finished({name: scores[name] for name in ("scl", "lcl")}, {"scl": 0.7, "lcl": 0.8})
    assert _lines(only, ["scl", "lcl"])["lead"] == "not compared with scl: one of the two has no test score"


@pytest.mark.parametrize(("objective", "shown"), [("macro_f1", "macro-F1"), ("weighted_f1", "weighted-F1")])
def test_the_lead_is_measured_by_the_objective_where_predicted_classes_give_it(objective: str, shown: str) -> None:
    scores = {"ce": [0.30, 0.31, 0.30], "lcl": [0.90, 0.91, 0.90]}
    finished = fake_results.sweep(scores, objective=f"validation/{objective}", direction="maximize")
    results = finished.results.to_dict()
    for result, mean in zip(results["systems"], (0.3, 0.9), strict=True):
        result["confirmation"]["mean"] = mean
        for seed in result["confirmation"]["seeds"]:
            seed["metrics"][f"validation/{objective}"] = 0.5
    finished = FinishedSweep(SweepResults.parse(results), finished.predictions)
    tests = [[seed.test or {} for seed in one.seeds] for one in finished.results.confirmations]
    ce, lcl = (sum(test[f"test/{objective}"] for test in system) / 3 for system in tests)
    lead = _lines(finished, ["ce", "lcl"])["lead"]
    assert lead.startswith(f"{100 * (lcl - ce):+.1f} points of test {shown} over ce")
    assert lead.endswith("the lead stands")


def _minimized(scores: Mapping[str, Scores], losses: Mapping[str, float]) -> FinishedSweep:
    """Return a finished sweep that minimized the loss, with these test accuracies and losses on validation."""
    finished = fake_results.sweep(scores, objective="validation/loss", direction="minimize")
    results = finished.results.to_dict()
    for name, result in zip(scores, results["systems"], strict=True):
        result["confirmation"]["mean"] = losses[name]
        for seed in result["confirmation"]["seeds"]:
            seed["metrics"]["validation/loss"] = losses[name]
    return FinishedSweep(SweepResults.parse(results), finished.predictions)


def test_the_winner_of_a_minimized_loss_has_the_lowest_and_leads_by_less() -> None:
    scores = {"scl": [0.50, 0.50, 0.51], "ce": [0.55, 0.55, 0.56], "lcl": [0.90, 0.91, 0.90]}
    finished = _minimized(scores, {"scl": 0.6, "ce": 0.7, "lcl": 0.3})
    winner = _winner(finished)
    assert winner.system == 2
    assert winner.lead is not None
    assert winner.lead.other == 1  # of the others, ce has the lowest loss on test
    assert winner.lead.stands
    lead = _lines(finished, ["scl", "ce", "lcl"])["lead"]
    assert re.match(r"-0\.\d{3} test loss over ce \(95 % interval -0\.\d{3} to -0\.\d{3}, p below", lead)
    assert lead.endswith("the lead stands")


def test_a_higher_test_loss_is_behind() -> None:
    scores = {"scl": [0.50, 0.50, 0.51], "lcl": [0.90, 0.91, 0.90]}
    finished = _minimized(scores, {"scl": 0.3, "lcl": 0.6})
    winner = _winner(finished)
    assert (winner.system, winner.lead and winner.lead.stands) == (0, False)
    lead = _lines(finished, ["scl", "lcl"])["lead"]
    assert lead.startswith("+0.")
    assert lead.endswith("lcl is ahead on test, so the order is open")


def test_a_lead_by_a_lower_loss_names_the_system_over_which_it_may_be_chance() -> None:
    scores = {"ce": [0.25, 0.70, 0.95], "scl": [0.70, 0.70, 0.71], "lcl": [0.80, 0.81, 0.80]}
    lead = _winner(_minimized(scores, {"ce": 0.5, "scl": 0.4, "lcl": 0.3})).lead
    assert lead is not None
    assert lead.difference is not None
    assert (lead.other, lead.least_certain, lead.stands) == (1, 0, False)
    assert lead.difference.p < 0.05 < lead.p


def test_the_p_beside_a_difference_is_its_own_and_a_less_certain_system_is_named() -> None:
    scores = {"ce": [0.25, 0.70, 0.95], "scl": [0.70, 0.70, 0.71], "lcl": [0.80, 0.81, 0.80]}
    finished = _finished(scores, {"ce": 0.5, "scl": 0.6, "lcl": 0.8})
    winner = _winner(finished)
    assert winner.lead is not None
    assert winner.lead.difference is not None
    assert winner.lead.difference.p < 0.001 < 0.05 < winner.lead.p
    assert not winner.lead.stands
    lead = _lines(finished, ["ce", "scl", "lcl"])["lead"]
    assert lead.startswith("+10.0 points of test accuracy over scl (95 % interval ")
    assert lead.endswith(f", p below 0.001): the lead over ce may be chance (p {winner.lead.p:.2g})")


def test_no_third_system_is_named_if_the_lead_over_the_strongest_may_be_chance_itself() -> None:
    scores = {"ce": [0.25, 0.70, 0.95], "scl": [0.70, 0.80, 0.86], "lcl": [0.75, 0.81, 0.86]}
    finished = _finished(scores, {"ce": 0.5, "scl": 0.6, "lcl": 0.8})
    assert _lines(finished, ["ce", "scl", "lcl"])["lead"].endswith("): the lead may be chance")


@pytest.mark.parametrize(
    ("p", "shown", "verdict"),
    [
        (0.0496, "0.0496", "the lead stands"),
        (0.04999996, "0.04999996", "the lead stands"),
        (math.nextafter(0.05, 0), "0.049999999999999996", "the lead stands"),
        (0.05, "0.05", "the lead may be chance"),
        (0.0504, "0.05", "the lead may be chance"),
        (0.0432, "0.043", "the lead stands"),
        (0.000999, "below 0.001", "the lead stands"),
    ],
)
def test_p_is_never_rounded_across_the_significance_level(p: float, shown: str, verdict: str) -> None:
    finished = _finished({"ce": [0.5, 0.5, 0.5], "lcl": [0.6, 0.6, 0.6]}, {"ce": 0.5, "lcl": 0.6})
    difference = Estimate(0.1, 0.03, 4.0, 0.0, 0.2, p)
    winner = replace(_winner(finished), lead=Lead(0, 3, "accuracy", difference, p, 0))
    lead = dict(describe_winner(winner, finished.results, ["ce", "lcl"]))["lead"]
    assert lead.endswith(f", p {shown}): {verdict}")


def test_a_single_system_has_no_lead() -> None:
    finished = _finished({"lcl": [0.5, 0.6, 0.7], "ce": None})
    assert _winner(finished).lead is None
    assert _lines(finished, ["lcl", "ce"])["lead"] == "no other system was confirmed"


def test_nothing_confirmed_means_no_winner() -> None:
    finished = _finished({"lcl": None, "ce": None})
    assert find_winner(finished.results, finished.predictions) is None


def test_the_scores_of_both_splits_are_described() -> None:
    lines = _lines(_finished({"lcl": [0.5, 0.6, 0.7]}), ["lcl"])
    assert lines["test"] == "accuracy 60.0 ± 10.0 %, 3 fresh seeds"
    assert re.fullmatch(r"accuracy \d+\.\d ± \d+\.\d %, 3 fresh seeds", lines["validation"])
    assert lines["setting"] == "batch_size 32, learning_rate 3e-05 (trial 12)"


def test_a_score_that_is_undefined_on_test_is_said() -> None:
    finished = fake_results.sweep({"lcl": [0.5, 0.6, 0.7]}, objective="validation/auroc")
    results = finished.results.to_dict()
    for seed in results["systems"][0]["confirmation"]["seeds"]:
        seed["test"]["test/auroc"], seed["metrics"]["validation/auroc"] = math.nan, 0.8
    undefined = FinishedSweep(SweepResults.parse(results), finished.predictions)
    assert _lines(undefined, ["lcl"])["test"] == "AUROC undefined"


def test_without_a_test_split_the_lead_is_that_on_validation_and_says_so() -> None:
    finished = _finished({"ce": [0.30, 0.31, 0.30], "lcl": [0.90, 0.91, 0.90]}, {"ce": 0.3, "lcl": 0.9})
    results = finished.results.to_dict() | {"test_split": None, "test_accesses": []}
    for result in results["systems"]:
        for seed in result["confirmation"]["seeds"]:
            seed["test"] = None
    untested = FinishedSweep(SweepResults.parse(results), finished.predictions)
    lines = _lines(untested, ["ce", "lcl"])
    assert "test" not in lines
    assert "points of validation accuracy over ce" in lines["lead"]
    assert lines["lead"].endswith("the lead stands on validation, where the settings were chosen")
