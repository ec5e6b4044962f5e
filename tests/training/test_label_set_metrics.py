"""The metrics of label sets, their thresholds, and the metrics without each text, against the simplest computation."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from sweeper.training.cross_entropy import of_label_sets
from sweeper.training.label_set_metrics import label_set_metric, reported_metrics
from sweeper.training.metric_registry import CLASS_METRICS, METRICS, find_metric
from sweeper.training.named_function import load_function
from sweeper.training.thresholds import tune_thresholds
from sweeper.training.types import Predictions

CLASSES = ("joy", "anger", "fear", "none of them")
NAMES = [name for name, metric in METRICS.items() if metric.of_label_sets]
OF_LABELS = [f"{kind}/{name}" for kind in CLASS_METRICS for name in CLASSES]


def random_predictions(texts: int = 60, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Label sets (N, 4), the last label of no text, and probabilities that know something of them."""
    random = np.random.default_rng(seed)
    labels = (random.random((texts, 4)) < [0.5, 0.2, 0.1, 0.0]).astype(np.int64)
    probabilities = np.clip(0.3 * labels + random.random((texts, 4)) * 0.6, 0, 1).round(2).astype(np.float32)
    return labels, probabilities


def best_f1(labels: NDArray[np.int64], probabilities: NDArray[np.float32]) -> float:
    """The largest F1 of one label that any threshold gives."""
    values = probabilities.astype(float)
    return max(float(f1_score(labels, values >= limit, zero_division=0)) for limit in {0.0, *values.tolist()})


@pytest.mark.parametrize("seed", range(5))
def test_each_label_gets_the_threshold_with_its_largest_f1(seed: int) -> None:
    labels, probabilities = random_predictions(seed=seed)
    predictions = Predictions(labels, probabilities, tune_thresholds(labels, probabilities))
    for k in range(4):
        found = float(f1_score(labels[:, k], predictions.predicted_classes[:, k], zero_division=0))
        assert found == pytest.approx(best_f1(labels[:, k], probabilities[:, k]))


def test_a_label_that_no_text_has_keeps_the_threshold_of_one_half() -> None:
    labels, probabilities = random_predictions()
    assert tune_thresholds(labels, probabilities)[3] == 0.5


def test_of_equally_good_thresholds_the_nearest_to_one_half_is_taken() -> None:
    labels = np.array([[1], [0], [1]])
    probabilities = np.array([[0.9], [0.8], [0.2]], np.float32)  # F1 is .8 with all three, .67 with the first alone
    assert tune_thresholds(labels, probabilities)[0] == pytest.approx(0.1)
    assert tune_thresholds(labels[:2], probabilities[:2])[0] == pytest.approx(0.85)


def test_thresholds_are_tuned_where_every_text_or_a_single_text_has_the_label() -> None:
    assert tune_thresholds(np.ones((3, 1), np.int64), np.full((3, 1), 0.4, np.float32))[0] == pytest.approx(0.2)
    assert tune_thresholds(np.array([[1]]), np.array([[0.0]], np.float32))[0] == 0


@pytest.mark.parametrize("logit", [-100, -80, -17, -16, -3, 3, 15, 17, 18])
def test_the_loss_of_stored_probabilities_is_that_of_the_logits(logit: float) -> None:
    logits, labels = torch.tensor([[logit, -5.0]]), np.zeros((1, 2), np.int64)
    labels[0, 0] = logit < 0  # the first label is predicted wrongly
    expected = of_label_sets(logits, torch.from_numpy(labels)).item()
    found = label_set_metric("loss", labels, labels, logits.sigmoid().numpy())
    assert found == pytest.approx(expected, rel=0.15)


def test_a_validation_reports_tuned_and_plain_figures_beside_each_other() -> None:
    labels, probabilities = random_predictions()
    predictions = Predictions(labels, probabilities, tune_thresholds(labels, probabilities))
    found = reported_metrics(predictions, CLASSES, "f1/anger")
    assert set(found) == {"macro_f1", "micro_f1", "macro_f1_plain", "micro_f1_plain", "f1/anger"}
    plain = (probabilities >= 0.5).astype(int)
    assert found["macro_f1_plain"] == f1_score(labels, plain, average="macro", zero_division=0)
    assert found["micro_f1_plain"] == f1_score(labels, plain, average="micro", zero_division=0)
    assert found["macro_f1"] > found["macro_f1_plain"]
    assert found["f1/anger"] == f1_score(labels[:, 1], predictions.predicted_classes[:, 1])


def test_a_label_that_is_absent_and_not_predicted_has_an_f1_of_0_that_counts() -> None:
    labels, predicted = np.array([[1, 0], [1, 0]]), np.array([[1, 0], [1, 0]])
    assert label_set_metric("macro_f1", labels, predicted, predicted.astype(np.float32)) == 0.5


@pytest.mark.parametrize("name", [*NAMES, "loss", *OF_LABELS])
def test_the_metric_without_each_text_equals_that_of_the_other_texts(name: str) -> None:
    labels, probabilities = random_predictions(20)
    predicted, metric = (probabilities >= 0.4).astype(np.int64), find_metric(name)
    if metric.is_plain:
        predicted = (probabilities >= 0.5).astype(np.int64)
    second = probabilities if metric.of_label_probabilities else predicted
    index = {"index": CLASSES.index(metric.class_name)} if metric.class_name else {}
    without = load_function(str(metric.without_each_label_set))(labels, second, **index)
    expected = [
        label_set_metric(
            name,
            np.delete(labels, n, axis=0),
            np.delete(predicted, n, axis=0),
            np.delete(probabilities, n, axis=0),
            CLASSES,
        )
        for n in range(len(labels))
    ]
    np.testing.assert_allclose(without, expected, atol=1e-12)
