"""What a report says of a sweep: everything that was tried, how it ended, and what the figures are worth."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.html import error_analysis, learning_curves, search_figures, timeline
from sweeper.reporting.html.figure_data import Figure
from sweeper.reporting.html.html_elements import Html, ReportSection, table
from sweeper.reporting.html.page import build_page
from sweeper.reporting.html.report_data import ModelAnswers, ReportData
from sweeper.reporting.html.sections import ERRORS, sections
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.search_space.yaml_file import dump_yaml, load_yaml
from sweeper.training.types import Predictions
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord
from tests.support.fake_sweeps import BEGAN, ENDS, MINUTE, Story
from tests.support.search_spaces import small

SYSTEMS = ["ce", "lcl"]


def subject(story: Story, **changes: Any) -> ReportData:
    answered = ModelAnswers(story.answers, story.answers, texts=[f"text {k}" for k in range(story.texts)])
    done = all(one.end for one in story.recorded) and len(story.recorded) > story.spec.budget.trials
    given = {"answered": answered, "finished": done, **changes}
    return ReportData(story.spec, story.recorded, story.results(), SYSTEMS, **given)


def spec(trials: int = 26, **changes: Any) -> SweepSpec:
    return small(budget={"trials": trials}, confirm={"seeds": 3}, **changes)


@pytest.fixture(scope="module")
def finished() -> ReportData:
    return subject(Story(spec()).search().confirm())


def told(about: ReportData, name: str = "") -> str:
    """What the report says, or one section of it; a picture is its name."""
    found = sections(about, Html("<p>table</p>"), {}, {"torch": "2.13"}, dump_yaml(about.spec))
    chosen = [one for one in found if not name or one.name == name]
    return build_page("title", "about", chosen, "", lambda figure, _: type(figure).__name__)


# ---- the whole


def test_every_section_of_a_finished_sweep_has_what_it_is_for(finished: ReportData) -> None:
    shown = {
        "optimism": "Optimism", "settings": "Parallel", "maps": "Map", "curves": "Curves", "timeline": "Timeline",
        "expected": "Expected", "confusion": "Confusion", "errors": "text ", "cost": "epochs saved", "trials": "32",
        "results": "The search never saw", "endings": "diverged", "resolved": "batch_size",
    }  # fmt: skip
    for name, words in shown.items():
        assert words in told(finished, name), name


class Loads(HTMLParser):
    """What a page would load, and its headings."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [str(found["id"])] if "id" in found else []
        self.links += [str(found["href"])] if tag == "a" else []
        self.loaded += [str(found[name]) for name in ("src", "srcset", "data") if name in found]
        self.loaded += [str(found["href"])] if tag in ("link", "image", "use") else []


def test_the_page_loads_nothing_and_its_links_lead_to_its_sections(finished: ReportData) -> None:
    loads = Loads()
    html = told(finished)
    loads.feed(html)
    assert loads.loaded == []
    assert "url(" not in html
    assert "@import" not in html
    assert [link.removeprefix("#") for link in loads.links] == loads.ids
    assert len(set(loads.ids)) == len(loads.ids)


def test_markup_in_texts_classes_and_reasons_is_shown_and_not_obeyed() -> None:
    evil = "<script>alert(1)</script>"
    story = Story(spec(), labels=(evil, "b", "c")).search().confirm()
    texts = ModelAnswers(story.answers, story.answers, texts=[evil] * story.texts)
    html = told(subject(story, answered=texts))
    assert evil not in html
    assert "&lt;script&gt;alert(1)" in html


def test_without_texts_the_errors_have_their_rows_and_why(finished: ReportData) -> None:
    without = replace(finished.answered, texts=None, untold="Texts were left out (--no-texts).")
    html = told(replace(finished, answered=without), "errors")
    assert "text 1" not in html
    assert "left out (--no-texts)" in html
    assert "row " in html


def test_every_outcome_is_shown_with_its_reason() -> None:
    ends = [*Outcome, None]
    story = Story(spec(trials=14)).search(ends)
    html = told(subject(story))
    for words in ("completed", "stopped early", "diverged", "collapsed", "out of memory", "failed", "not ended"):
        assert words in html, words
    assert told(subject(story), "endings").count("why it is so") == 8
    drawn = search_figures.parallel(subject(story))
    assert len(drawn.scores) == 14
    assert set(next(axis for axis in drawn.axes if axis.name == "outcome").values) >= {"failed", "not ended"}
    assert {bar.outcome for bar in timeline.timeline(subject(story)).bars} == set(ends)


# ---- what the figures are worth


def test_a_sweep_that_is_not_finished_says_so() -> None:
    story = Story(spec(trials=26)).search([Outcome.COMPLETED, None])
    assert "13 of 26 trials have ended" in told(subject(story), "results")


def test_a_search_that_is_not_confirmed_says_what_its_figures_are_worth() -> None:
    story = Story(spec()).search()
    about = subject(story)
    html = told(about, "results")
    assert "not everything is confirmed yet" in html
    assert "Nothing is confirmed" in html
    assert "The test split was not opened" in html
    assert "No confirmed model" in told(about, "errors")
    turned_off = small(budget={"trials": 6}, confirm={"seeds": 0})
    html = told(subject(Story(turned_off).search(), finished=True), "results")
    assert "not finished" not in html
    assert "turned off" in html


def test_a_sweep_before_its_first_trial_has_a_report() -> None:
    html = told(subject(Story(spec())))
    assert "0 of 26 trials have ended" in html
    assert "No trial began" in html


def test_a_sweep_in_which_everything_failed_has_a_report() -> None:
    html = told(subject(Story(spec()).search([Outcome.FAILED])))
    assert "26 failed" in html
    assert "No trial has a score" in html


def test_test_accesses_repeats_and_limits_are_told(finished: ReportData) -> None:
    html = told(finished, "results")
    assert "6 looks in this sweep, from 2025-11-21" in html
    assert "gave no figure" not in html
    assert "Only a part" not in html
    results = finished.results.to_dict() | {"subsample": {"train": 500}}
    results["test_accesses"].append({"at": BEGAN, "trial": 1, "seed": 5})
    for system in results["systems"]:
        system["repeated"] = 2
    results["systems"][0]["confirmation"]["tested_settings"] = 2
    html = told(replace(finished, results=SweepResults.parse(results)), "results")
    assert "500 texts of train" in html
    assert "7 looks" in html
    assert "1 gave no figure here" in html
    assert "4 trials ran a setting that was tried before" in html
    assert "A second look: after the budget grew, another setting was tested of ce" in html


def test_without_a_test_split_the_confusions_are_those_of_validation(finished: ReportData) -> None:
    results = finished.results.model_copy(update={"test_split": None})
    about = replace(finished, results=results, answered=replace(finished.answered, test={}))
    assert "no test split" in told(about, "results")
    assert "on the validation split, 3 seeds" in told(about, "confusion")


def test_systems_too_small_to_tell_which_hyperparameter_mattered_are_named(finished: ReportData) -> None:
    found = sections(finished, Html(""), {1: [Importance("tau", 0.9, 0.3)]}, {}, "")
    section = next(one for one in found if one.name == "importance")
    assert [type(part).__name__ for part in section.components] == ["Drawn", "str"]
    assert "ce." in str(section.components[1])
    assert "lcl" not in str(section.components[1])


# ---- figures


def brute(scores: Sequence[float], draws: int, best: Any) -> float:
    """The mean best over every way to draw so many, with replacement."""
    return float(np.mean([best(drawn) for drawn in itertools.product(scores, repeat=draws)]))


@pytest.mark.parametrize(("sign", "best"), [(1, max), (-1, min)])
def test_the_expected_best_is_the_mean_over_every_draw(sign: int, best: Any) -> None:
    scores = [0.31, 0.52, 0.52, 0.1, 0.47]
    found = search_figures.expected_best(scores, sign)
    assert found == pytest.approx([brute(scores, draws, best) for draws in range(1, 6)])


def test_a_trial_without_a_score_counts_as_the_worst_in_what_is_to_be_expected() -> None:
    story = Story(spec(trials=8)).search([Outcome.COMPLETED, Outcome.DIVERGED, Outcome.COMPLETED, Outcome.FAILED])
    about = subject(story)
    line = search_figures.expected_best_curves(about).lines[0]
    own = [about.score(one) for one in about.searched if one.trial.system == 0]
    known = [score for score in own if score is not None]
    assert len(line.best) == len(own) == 4
    assert line.best[0] == pytest.approx((sum(known) + 2 * min(known)) / 4)


def test_what_is_asked_of_importance_ranks_ill_trials_last_and_leaves_broken_ones_out() -> None:
    story = Story(spec()).search(ENDS)
    about = subject(story)
    found = search_figures.importance_inputs(about, 1)
    trials = [one for one in about.searched if one.trial.system == 1 and one.end]
    kept = [one for one in trials if one.end and one.end.outcome != Outcome.FAILED]
    assert len(found) == len(kept) == 12
    worst = min(score for _, score in found)
    ill = [score for (_, score), one in zip(found, kept, strict=True) if one.end and not one.end.outcome.is_healthy]
    assert ill == [worst, worst]
    for drawn, _ in found:
        domain, value = drawn["tau"]
        assert domain.contains(value)
    assert "tau" not in search_figures.importance_inputs(about, 0)[0][0]


def test_maps_are_of_the_systems_in_which_both_hyperparameters_vary(finished: ReportData) -> None:
    (found,) = search_figures.alpha_tau_maps(finished)
    assert found.title == "lcl"
    assert len(found.points) == 13
    assert (found.taus, found.alphas) == ((0.05, 1000), (0.1, 0.9))
    assert {point.outcome for point in found.points if point.score is None} == {Outcome.DIVERGED, Outcome.FAILED}


def test_an_axis_has_a_place_for_trials_to_which_a_hyperparameter_does_not_apply(finished: ReportData) -> None:
    drawn = search_figures.parallel(finished)
    axes = {axis.name: axis for axis in drawn.axes}
    assert list(axes) == ["cell", "batch_size", "alpha", "normalize", "tau", "outcome"]
    assert axes["batch_size"].listed == [4, 8]
    assert axes["tau"].log
    assert axes["tau"].values.count(None) == 13
    assert not any(one.trial.source_trial for one in finished.searched)


def test_workers_are_as_many_as_ran_at_once() -> None:
    assert timeline.assign_workers([]) == []
    assert timeline.assign_workers([(0, 3), (0, 1), (1, 2), (2, 5), (3, 4), (3.5, 6)]) == [0, 1, 1, 1, 0, 2]
    story = Story(spec(), workers=3).search().confirm()
    bars = timeline.timeline(subject(story)).bars
    assert {bar.slot for bar in bars} == {0, 1, 2}
    for a, b in itertools.combinations(bars, 2):
        assert a.slot != b.slot or a.end <= b.begin or b.end <= a.begin
    assert sum(bar.confirms for bar in bars) == 6
    assert {bar.attempts for bar in bars} == {1, 2}


def test_a_night_between_two_runs_is_cut_out_and_said() -> None:
    story = Story(spec(trials=12), workers=2).search([Outcome.COMPLETED])
    night = 15 * 60 * MINUTE
    middle = max(moment for one in story.recorded[:6] for moment in (*one.report_times, one.ended_at or 0))
    late = [later(one, night) if one.started_at >= middle else one for one in story.recorded]
    before = timeline.timeline(subject(story))
    after = timeline.timeline(replace(subject(story), recorded=late))
    assert before.pauses == []
    ((at, hours),) = after.pauses
    assert hours == pytest.approx(15, abs=0.5)
    assert 0 < at < max(bar.end for bar in after.bars) < 2
    assert timeline.elapsed(replace(subject(story), recorded=late)) > 15


def later(one: TrialRecord, by: int) -> TrialRecord:
    return replace(
        one,
        started_at=one.started_at + by,
        report_times=tuple(at + by for at in one.report_times),
        ended_at=(one.ended_at or 0) + by,
    )


@pytest.mark.parametrize("moments", [[], [5], [0, 60], [0, 60, 120, 180], [0, 1, 60, 61, 120, 121, 180, 181]])
def test_what_is_usual_is_no_pause(moments: list[float]) -> None:
    assert timeline.find_pauses(moments) == []


def test_a_trial_that_has_not_ended_is_drawn_to_its_last_report() -> None:
    story = Story(spec(trials=2), workers=1).search([None])
    bars = timeline.timeline(subject(story)).bars
    assert [bar.end - bar.begin for bar in bars] == pytest.approx([3 / 60, 3 / 60])
    assert story.recorded[0].report_times == (BEGAN + 3 * MINUTE,)


def test_curves_end_where_trials_did_and_have_the_rungs(finished: ReportData) -> None:
    ce = learning_curves.learning_curves(finished)[0]
    assert ce.rungs == [1, 2]
    assert {len(one.epochs) for one in ce.curves if one.outcome == Outcome.STOPPED_EARLY} == {2}
    assert all(len(one.epochs) == 4 for one in ce.curves if one.confirms)


def test_validations_without_a_score_are_no_points_of_a_curve() -> None:
    story = Story(spec(trials=2)).search([Outcome.COMPLETED])
    first = story.recorded[0]
    bare = replace(first.reports[0], metrics={"train/loss": 1.0})
    story.recorded[0] = replace(first, reports=(bare, *first.reports[1:]))
    assert learning_curves.learning_curves(subject(story))[0].curves[0].epochs == [2, 3, 4]


def test_what_asha_saved_are_the_epochs_that_stopped_trials_did_not_have(finished: ReportData) -> None:
    stopped = [one for one in finished.searched if one.trial.system == 0 and len(one.reports) == 2]
    stopped = [one for one in stopped if one.end and one.end.outcome == Outcome.STOPPED_EARLY]
    assert learning_curves.epochs_saved(finished, 0) == 2 * len(stopped) > 0


def test_the_surest_errors_come_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]], dtype=np.float32)
    found = error_analysis.confident_errors(["a", "b"], Predictions(np.array([0, 0, 0, 1]), probabilities), 2)
    assert [(one.row, one.true, one.taken) for one in found] == [(1, "a", "b"), (3, "b", "a")]
    assert found[0].probability == pytest.approx(0.8)
    every = error_analysis.confident_errors(["a", "b"], Predictions(np.array([0, 0, 0, 1]), probabilities), ERRORS)
    assert [one.row for one in every] == [1, 3, 2]


def test_confusions_are_counted_over_models() -> None:
    one = Predictions(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]], dtype=np.float32))
    assert error_analysis.confusion_figure(["a", "b"], [one, one], "").counts.tolist() == [[2, 0], [2, 0]]


def test_learned_weights_are_the_mean_over_seeds(finished: ReportData) -> None:
    trials = [seed.trial for seed in finished.seeds(1)]
    learned = {trial: np.full((3, 3), float(k)) for k, trial in enumerate(trials)}
    (found,) = error_analysis.class_weights_figure(
        replace(finished, answered=replace(finished.answered, weights=learned))
    )
    assert found.title == "lcl"
    assert found.weights.tolist() == np.ones((3, 3)).tolist()


# ---- the rest


def test_the_resolved_search_space_is_one_that_runs_and_asks_the_same(tmp_path: Path) -> None:
    asked = small(limit={"train": 500}, start_with=[{"batch_size": 4, "loss": "lcl"}], seed=3)
    file = tmp_path / "resolved.yaml"
    file.write_text(dump_yaml(asked), encoding="utf-8")
    assert parse_spec(load_yaml(file)) == asked


def test_a_table_is_escaped_and_its_columns_have_their_kinds() -> None:
    html = table(["a", "b"], [["<i>", 3]], "wn")
    assert "<i>" not in html
    assert '<th scope="col" class="w">a</th>' in html
    assert "<td class=n>3</td>" in html


def test_pictures_have_names_of_their_own() -> None:
    names: list[str] = []

    def draw(_: Figure, name: str) -> str:
        names.append(name)
        return ""

    found = sections(subject(Story(spec()).search().confirm()), Html(""), {}, {}, "")
    build_page("", "", found, "", draw)
    assert len(names) == len(set(names)) > 6
    assert all(isinstance(one, ReportSection) for one in found)
