"""Per-class scores and calibration are those of scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from sweeper.reporting.html.class_scores import build_calibration, pooled_calibration_error, score_classes
from sweeper.reporting.html.error_analysis import build_confusion
from sweeper.training.types import Predictions


@pytest.mark.parametrize("classes", [2, 27])
def test_scores_of_classes_are_those_of_scikit_learn(classes: int) -> None:
    generator = np.random.default_rng(classes)
    labels = generator.integers(classes, size=400)
    predictions = Predictions(labels, generator.dirichlet(np.ones(classes), 400).astype(np.float32))
    counts = build_confusion([str(k) for k in range(classes)], [predictions], "").counts
    expected = precision_recall_fscore_support(labels, predictions.predicted_classes, zero_division=0)
    scores = score_classes(counts)
    assert [score.precision or 0 for score in scores] == pytest.approx(expected[0])
    assert [score.recall or 0 for score in scores] == pytest.approx(expected[1])
    assert [score.f1 or 0 for score in scores] == pytest.approx(expected[2])
    assert [score.texts for score in scores] == expected[3].tolist()


def test_a_class_without_texts_or_predictions_has_no_scores() -> None:
    (_, absent) = score_classes(np.array([[3, 0], [0, 0]]))
    assert (absent.texts, absent.precision, absent.recall, absent.f1) == (0, None, None, None)


def test_a_model_that_is_half_as_often_right_as_sure_is_far_from_the_line() -> None:
    probabilities = np.array([[0.8, 0.2]] * 10, dtype=np.float32)
    models = [Predictions(np.array([0] * 4 + [1] * 6), probabilities)]
    figure = build_calibration(models, "")
    assert [(found.texts, round(found.confidence, 3), found.accuracy) for found in figure.bins] == [(10, 0.8, 0.4)]
    assert pooled_calibration_error(models) == pytest.approx(0.4)
