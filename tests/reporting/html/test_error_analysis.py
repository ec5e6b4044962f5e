"""Errors are found in the predictions of confirmed models."""

from dataclasses import replace

import numpy as np
import pytest

from sweeper.reporting.html.error_analysis import build_class_weights, build_confusion, find_confident_errors
from sweeper.reporting.html.model_sections import MAX_ERRORS
from sweeper.reporting.html.report_data import ReportData
from sweeper.training.types import Predictions


def test_the_most_confident_errors_come_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]], dtype=np.float32)
    errors = find_confident_errors(["a", "b"], Predictions(np.array([0, 0, 0, 1]), probabilities), 2)
    assert [(error.row, error.true, error.predicted) for error in errors] == [(1, "a", "b"), (3, "b", "a")]
    assert errors[0].probability == pytest.approx(0.8)
    all_errors = find_confident_errors(["a", "b"], Predictions(np.array([0, 0, 0, 1]), probabilities), MAX_ERRORS)
    assert [error.row for error in all_errors] == [1, 3, 2]


def test_confusions_are_summed_over_models() -> None:
    model = Predictions(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]], dtype=np.float32))
    assert build_confusion(["a", "b"], [model, model], "").counts.tolist() == [[2, 0], [2, 0]]


def test_class_weights_are_the_mean_over_seeds(finished: ReportData) -> None:
    trials = [seed.trial for seed in finished.seeds(1)]
    learned = {trial: np.full((3, 3), float(k)) for k, trial in enumerate(trials)}
    (figure,) = build_class_weights(replace(finished, predictions=replace(finished.predictions, class_weights=learned)))
    assert figure.title == "lcl"
    assert figure.weights.tolist() == np.ones((3, 3)).tolist()
