"""Every section of a report shows what it is for, also if the sweep is unfinished or failed."""

from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.reporting.html.report_data import ReportData
from sweeper.reporting.html.search_figures import build_parallel
from sweeper.reporting.html.sections import build_sections
from sweeper.reporting.html.timeline import build_timeline
from sweeper.reporting.templates.environment import Html
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.yaml_file import dump_yaml, load_yaml
from sweeper.trials.outcome import Outcome
from tests.reporting.html.helpers import confirmed_spec, page_text, report_data
from tests.support.fake_sweeps import FakeSweep
from tests.support.search_spaces import small_spec


def test_every_section_of_a_finished_sweep_has_its_content(finished: ReportData) -> None:
    contents = {
        "glance": "Which of 2 systems (", "slices": "SliceFigure", "pairs": "PairFigure",
        "stopping": "would have beaten", "classes": "CalibrationFigure",
        "optimism": "OptimismFigure", "settings": "ParallelFigure", "maps": "AlphaTauFigure",
        "curves": "LearningCurvesFigure", "timeline": "TimelineFigure",
        "expected": "ExpectedBestFigure", "confusion": "ConfusionFigure",
        "errors": '<q dir="auto">text 30</q>', "cost": "epochs saved", "trials": "<bdi>32</bdi>",
        "results": "The search never saw", "endings": "diverged", "resolved": "batch_size",
    }  # fmt: skip
    for name, content in contents.items():
        assert content in page_text(finished, name), name


def test_the_errors_are_counted_as_validation_texts(finished: ReportData) -> None:
    several = page_text(finished, "errors")
    assert f"<p>The {several.count('taken for')} validation texts on which the best seed" in several
    assert "Some of these may be errors of the labels." in several
    assert finished.best_record is not None
    trial = finished.best_record.trial.number
    predictions = finished.predictions.validation[trial]
    right = np.eye(3, dtype=np.float32)[predictions.labels]
    right[0] = [0, 1, 0]  # the first text is of class 0
    validation = {trial: replace(predictions, probabilities=right)}
    report = replace(finished, predictions=replace(finished.predictions, validation=validation))
    one = page_text(report, "errors")
    assert "<p>The validation text on which the best seed" in one
    assert "This may be an error of the label." in one


def test_errors_without_texts_have_row_numbers_and_the_reason(finished: ReportData) -> None:
    without = replace(finished.predictions, texts=None, texts_note="Texts were left out (--no-texts).")
    html = page_text(replace(finished, predictions=without), "errors")
    assert "text 1" not in html
    assert "left out (--no-texts)" in html
    assert "row " in html


def test_every_outcome_is_shown_with_its_reason() -> None:
    outcomes = [*Outcome, None]
    sweep = FakeSweep(confirmed_spec(trials=14)).search(outcomes)
    html = page_text(report_data(sweep))
    for label in ("completed", "stopped early", "diverged", "collapsed", "out of memory", "failed", "not ended"):
        assert label in html, label
    assert page_text(report_data(sweep), "endings").count("why it is so") == 8
    figure = build_parallel(report_data(sweep))
    assert len(figure.scores) == 14
    assert set(next(axis for axis in figure.axes if axis.name == "outcome").values) >= {"failed", "not ended"}
    assert {bar.outcome for bar in build_timeline(report_data(sweep)).bars} == set(outcomes)


def test_a_hyperparameter_with_a_logarithmic_range_and_0_has_a_linear_axis() -> None:
    decay = [{"value": 0, "when": {"loss": "ce"}}, {"log": [1e-4, 0.1], "when": {"loss": "lcl"}}]
    search = {"batch_size": [4, 8], "weight_decay": {"cases": decay}}
    compare = {"encoder": ["m"], "loss": ["ce", "lcl"]}
    report = report_data(FakeSweep(small_spec(compare=compare, search=search, budget={"trials": 12})).search())
    assert "weight_decay" in page_text(report)
    (axis,) = (axis for axis in build_parallel(report).axes if axis.name == "weight_decay")
    assert (axis.is_log, axis.range) == (False, (0, 0.1))


def test_a_sweep_before_its_first_trial_has_a_report() -> None:
    html = page_text(report_data(FakeSweep(confirmed_spec())))
    assert "0 of 26 trials have ended" in html
    assert "No trial has started" in html


def test_a_sweep_in_which_every_trial_failed_has_a_report() -> None:
    html = page_text(report_data(FakeSweep(confirmed_spec()).search([Outcome.FAILED])))
    assert "26 failed" in html
    assert "No trial has a score" in html


def test_confusions_are_those_of_validation_if_there_is_no_test_split(finished: ReportData) -> None:
    results = finished.results.model_copy(update={"test_split": None})
    report = replace(finished, results=results, predictions=replace(finished.predictions, test={}))
    assert "no test split" in page_text(report, "results")
    assert "on the validation split, 3 seeds" in page_text(report, "confusion")


def test_classes_without_texts_are_named_below_the_confusions(finished: ReportData) -> None:
    assert "No text of" not in page_text(finished, "confusion")
    results = finished.results.model_copy(update={"labels": [*finished.labels, "rare <1>"]})
    report = replace(finished, results=results)
    assert "No text of the test split is of the class rare <1>." in unescape(page_text(report, "confusion"))


def test_systems_with_too_few_trials_for_importance_are_named(finished: ReportData) -> None:
    sections = build_sections(finished, Html(""), {1: [Importance("tau", 0.9, 0.3)]}, {}, "")
    section = next(section for section in sections if section.name == "importance")
    assert [type(part).__name__ for part in section.components] == ["FigureGroup", "Markup"]
    assert "ce." in str(section.components[1])
    assert "lcl" not in str(section.components[1])


def test_the_search_space_of_the_report_is_parsed_to_the_same_spec(tmp_path: Path) -> None:
    spec = small_spec(limit={"train": 500}, start_with=[{"batch_size": 4, "loss": "lcl"}], seed=3)
    file = tmp_path / "resolved.yaml"
    file.write_text(dump_yaml(spec), encoding="utf-8")
    assert parse_spec(load_yaml(file)) == spec


def test_a_report_speaks_of_early_stopping_fresh_seeds_and_sums_only_where_there_are_any() -> None:
    compare, training = {"loss": ["ce"]}, {"encoder": "m", "epochs": 1}
    spec = small_spec(compare=compare, training=training, asha="off", budget={"trials": 1}, confirm={"seeds": 0})
    report = report_data(FakeSweep(spec).search(), systems=["all"])
    assert "There was no early stopping." in page_text(report, "stopping")
    curves = page_text(report, "curves")
    assert "Dotted vertical lines" not in curves
    assert "Dotted curves" not in curves
    assert "Search: 1 trial of up to 1 epoch in 1 system." in page_text(report, "results")
    assert "all systems" not in page_text(report, "cost")
    assert "epochs saved" not in page_text(report, "cost")


def test_costs_of_several_systems_are_summed(finished: ReportData) -> None:
    assert "all systems" in page_text(finished, "cost")
    assert "Dotted vertical lines" in page_text(finished, "curves")
    assert "Dotted curves" in page_text(finished, "curves")
