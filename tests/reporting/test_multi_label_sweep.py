"""A finished sweep whose texts have any number of labels, in the table, the winner's lead and the report."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.protocol.text_scores import any_metric_of, text_scores
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import build_table
from sweeper.reporting.winner import find_winner
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.label_set_metrics import reported_metrics
from sweeper.training.metric_registry import METRICS
from sweeper.training.types import Predictions
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial
from tests.reporting.html.helpers import page_text, report_data
from tests.support.fake_sweeps import FakeSweep
from tests.support.search_spaces import small_spec

LABELS = ("joy", "anger", "fear")
FITTING = [name for name, metric in METRICS.items() if metric.fits_label_sets]


class LabelSetSweep(FakeSweep):
    """A fake sweep whose models predict label sets. No text has the last label; SCL is better than CE."""

    def confirm(self, outcome: Outcome = Outcome.COMPLETED) -> "LabelSetSweep":
        """Confirm, and record the metrics of the predictions as those of the test split."""
        super().confirm(outcome)
        for k, record in enumerate(self.records):
            if record.test is not None:
                found = reported_metrics(self.predictions[record.trial.number], LABELS)
                scores = {f"test/{name}": value for name, value in found.items()}
                self.records[k] = replace(record, test=replace(record.test, metrics=scores))
        return self

    def _predict(self, trial: Trial) -> Predictions:
        labels = (np.random.default_rng(0).random((self.texts, 3)) < [0.6, 0.3, 0.0]).astype(np.int64)
        noise = np.random.default_rng(trial.number).random(labels.shape)
        strength = 0.4 if trial.config.loss == "scl" else 0.2
        probabilities = (strength * labels + (1 - strength) * noise).astype(np.float32)
        return Predictions(labels, probabilities, np.array([0.4, 0.5, 0.9]))


def multi_label_spec(**changes: Any) -> SweepSpec:
    values = {"compare": {"encoder": ["m"], "loss": ["ce", "scl"]}, "confirm": {"seeds": 3}, **changes}
    return small_spec(dataset="goemotions_multilabel", objective={"maximize": "validation/macro_f1"}, **values)


@cache
def finished() -> LabelSetSweep:
    sweep = LabelSetSweep(multi_label_spec(), LABELS, texts=200)
    sweep.search([Outcome.COMPLETED])
    return sweep.confirm()


def finished_sweep() -> FinishedSweep:
    sweep = finished()
    return FinishedSweep.from_predictions(sweep.results(), sweep.predictions, sweep.predictions)


@pytest.mark.parametrize("metric", [*FITTING, "f1/joy", "precision/anger", "recall/fear"])
def test_the_scores_of_the_texts_have_the_metric_as_their_mean(metric: str) -> None:
    model = TestPredictions.of(next(iter(finished().predictions.values())))
    scores = text_scores([model], metric, LABELS)
    assert scores.shape == (1, 200)
    assert scores.mean() == pytest.approx(any_metric_of(model, metric, LABELS))


def test_the_table_has_the_recorded_metrics_and_compares_systems_by_them() -> None:
    table = build_table([finished_sweep()], "macro_f1")
    cells = {cell.result.system["loss"]: cell for _, cell in table.system_cells()}
    seeds = finished().results().confirmations
    recorded = [seed.test["test/macro_f1"] for confirmation in seeds for seed in confirmation.seeds if seed.test]
    assert sorted(recorded) == sorted(score for cell in cells.values() for score in cell.scores.values())
    assert cells["scl"].is_bold
    assert table.comparisons[0].lead is not None


@pytest.mark.parametrize("metric", ["accuracy", "mcc", "auroc", "ece"])
def test_a_metric_of_single_labels_has_no_score_and_says_why(metric: str) -> None:
    text = render(build_table([finished_sweep()], metric), "md")
    assert "it is no metric of task: multi_label, allowed: loss, macro_f1, micro_f1" in text
    assert "±" not in text.partition("Each cell")[0]


def test_the_lead_of_the_winner_is_measured_by_macro_f1_over_texts_and_seeds() -> None:
    sweep = finished_sweep()
    winner = find_winner(sweep.results, sweep.lead_predictions)
    assert winner is not None
    assert winner.lead is not None
    assert winner.lead.metric == "macro_f1"
    means = {
        system: np.mean([seed.test["test/macro_f1"] for seed in result.confirmation.seeds if seed.test])
        for system, result in enumerate(sweep.results.systems)
        if result.confirmation
    }
    assert winner.lead.difference is not None
    assert winner.lead.difference.mean == pytest.approx(means[winner.system] - means[winner.lead.other])


def test_the_report_has_scores_and_thresholds_of_each_label_and_no_confusions() -> None:
    report = report_data(finished())
    text = page_text(report)
    labels = page_text(report, "classes")
    assert "F1 at .5" in labels
    assert "0.40" in labels
    assert "ConfusionFigure" not in text
    assert "CalibrationFigure" not in text
    assert "Confident errors" not in text


def test_the_report_names_labels_whose_thresholds_could_not_be_tuned() -> None:
    report = report_data(finished())
    assert "A label that no validation text has keeps .5." in page_text(report, "classes")
    counts = {"validation": {"joy": 3, "anger": 2, "fear": 0}}
    report = replace(report, results=report.results.model_copy(update={"class_counts": counts}))
    assert "No validation text has fear, so its threshold stays at .5." in page_text(report, "classes")


def test_the_question_of_the_report_is_about_labels_that_a_text_may_have_several_of() -> None:
    text = page_text(report_data(finished()), "glance")
    assert (
        "Which of 2 systems (encoder m; loss ce or scl) finds the labels of the texts of goemotions_multilabel" in text
    )
    assert "best (3 labels)?" in text
    one = LabelSetSweep(multi_label_spec(compare={"encoder": ["m"], "loss": ["ce"]}), LABELS, texts=200)
    text = page_text(report_data(one.search([Outcome.COMPLETED]), systems=["ce"]), "glance")
    asked = "How well does one system (encoder m; loss ce) find the labels of the texts of goemotions_multilabel"
    assert f"{asked} (3 labels)?" in text
