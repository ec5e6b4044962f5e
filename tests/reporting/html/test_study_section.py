"""The section on study variance says what the best of a draw is worth, and which systems it leaves out."""

from html import unescape

from tests.reporting.html.helpers import confirmed_spec, page_text, report_data
from tests.support.fake_sweeps import FakeSweep


def test_scores_are_corrected_for_the_optimism_once_it_is_known() -> None:
    sweep = FakeSweep(confirmed_spec()).search()
    html = unescape(page_text(report_data(sweep), "study"))
    assert "taken at its validation score: no fresh seeds have measured how optimistic" in html
    assert "corrected for the optimism" not in html
    html = unescape(page_text(report_data(sweep.confirm()), "study"))
    assert "its validation score, corrected for the optimism of its system's search." in html
    assert "left out" not in html


def test_systems_without_a_score_from_fresh_seeds_are_left_out() -> None:
    sweep = FakeSweep(confirmed_spec(compare={"encoder": ["m"], "loss": ["ce", "lcl", "scl"]})).search().confirm()
    sweep.records.pop()  # the last seed of the third system
    html = page_text(report_data(sweep, systems=["ce", "lcl", "scl"]), "study")
    assert "Systems without a score from fresh seeds, whose optimism is not known, are left out." in html
    two = FakeSweep(confirmed_spec()).search().confirm()
    two.records.pop()
    assert "That takes two systems with a score from fresh seeds." in page_text(report_data(two), "study")
