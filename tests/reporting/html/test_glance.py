"""The top of a report says what was asked, what won, what it cost, and what mattered."""

from dataclasses import replace
from html import unescape

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.reporting.html.glance import glance_section
from sweeper.reporting.html.report_data import ReportData
from sweeper.reporting.templates.environment import Html
from sweeper.trials.outcome import Outcome
from tests.reporting.html.helpers import confirmed_spec, report_data
from tests.support.fake_sweeps import FakeSweep


def shown(report: ReportData, *found: Importance) -> str:
    """Return the section as text; the importances are those of every system."""
    section = glance_section(report, Html("<p>table</p>"), dict.fromkeys(range(2), found))
    return unescape("".join(str(part) for part in section.components))


def test_the_winner_and_its_lead_are_at_the_top(finished: ReportData) -> None:
    html = shown(replace(finished, winner=[("winner", "<lcl>"), ("lead", "it stands")]))
    assert "Which of 2 systems" in html
    assert "<dt>lead</dt><dd><bdi>it stands</bdi></dd>" in html
    assert "26 trainings to search and 6 to confirm, without GPU" in html


def test_the_question_of_a_single_system_is_how_good_it_is() -> None:
    spec = confirmed_spec(6, compare={"encoder": ["owner/mini"], "loss": ["lcl"]})
    report = report_data(FakeSweep(spec).search(), systems=["all"])
    asked = "How well does one system (encoder owner/mini; loss lcl) sort the texts of sst5 into 3 classes?"
    assert asked in shown(report)


def test_the_three_settings_that_mattered_exceed_chance(finished: ReportData) -> None:
    found = [Importance(f"h{k}", share, 0.1) for k, share in enumerate((0.3, 0.05, 0.2, 0.25, 0.15))]
    html = shown(finished, *found)
    assert [f"h{k} (" in html for k in range(5)] == [True, False, True, True, False]
    assert "nothing that exceeds chance" in shown(finished, Importance("tau", 0.1, 0.2))
    assert "not known" in shown(finished)


def test_an_unconfirmed_search_names_its_best_and_a_failed_one_none() -> None:
    assert "best so far" in shown(report_data(FakeSweep(confirmed_spec()).search()))
    failed = FakeSweep(confirmed_spec()).search([Outcome.FAILED])
    assert "none: no trial with a score has ended" in shown(report_data(failed))


def test_the_best_so_far_has_the_score_by_which_it_was_chosen() -> None:
    report = report_data(FakeSweep(confirmed_spec()).search())

    def best_so_far(**changes: object) -> str:
        systems = [
            system.model_copy(update={"best": system.best and system.best.model_copy(update=changes)})
            for system in report.results.systems
        ]
        found = shown(replace(report, results=report.results.model_copy(update={"systems": systems})))
        return found.partition("<dt>best so far</dt><dd><bdi>")[2].partition("</bdi>")[0].partition("accuracy ")[2]

    once = {"score": 0.56, "mean": 0.56, "repeats": 1}
    assert best_so_far(**once) == "0.5600, chosen by this same score"
    repeated = {"score": 0.58, "mean": 0.56, "repeats": 3}  # the score is that of the luckiest seed
    assert best_so_far(**repeated) == "0.5600 (mean of 3 seeds), chosen by this same mean"
    raced = best_so_far(**repeated, shrunk_mean=0.55)
    assert raced == "0.5600 (mean of 3 seeds), chosen in its system by its shrunk mean, 0.5500"
    assert best_so_far(**once, completed=False) == "0.5600: no trial completed, and this one came furthest"
