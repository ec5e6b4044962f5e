"""Accuracy and F1 against their definitions, counted class by class in plain Python."""

import numpy as np
import pytest

from sweeper.training.metrics import classification_metrics, confusion_matrix


def metrics_of(labels: list[int], predictions: list[int], classes: int) -> dict[str, float]:
    counts = confusion_matrix(np.array(labels, dtype=np.int64), np.array(predictions, dtype=np.int64), classes)
    return classification_metrics(counts)


def by_definition(labels: list[int], predictions: list[int], classes: int) -> dict[str, float]:
    pairs = list(zip(labels, predictions, strict=True))
    f1 = []
    for k in range(classes):
        hits = sum(1 for true, predicted in pairs if true == predicted == k)
        num_true, num_predicted = labels.count(k), predictions.count(k)
        precision, recall = hits / num_predicted if num_predicted else 0.0, hits / num_true if num_true else 0.0
        f1.append(2 * precision * recall / (precision + recall) if hits else 0.0)
    return {
        "accuracy": sum(1 for true, predicted in pairs if true == predicted) / len(pairs),
        "macro_f1": sum(f1) / classes,
        "weighted_f1": sum(f1[true] for true in labels) / len(labels),
        "largest_class": max(predictions.count(k) for k in range(classes)) / len(predictions),
        "majority": max(labels.count(k) for k in range(classes)) / len(labels),
    }


@pytest.mark.parametrize(("size", "classes"), [(1, 2), (10, 3), (200, 5), (300, 32)])
@pytest.mark.parametrize("seed", range(3))
def test_metrics_equal_their_definitions(size: int, classes: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels, noise = generator.integers(classes, size=(2, size))
    predictions = np.where(generator.random(size) < 0.5, labels, noise)
    expected = by_definition(labels.tolist(), predictions.tolist(), classes)
    assert metrics_of(labels.tolist(), predictions.tolist(), classes) == pytest.approx(expected)


def test_a_perfect_model() -> None:
    metrics = metrics_of([0, 1, 2, 1], [0, 1, 2, 1], 3)
    assert metrics == {
        "accuracy": 1.0,
        "macro_f1": 1.0,
        "weighted_f1": 1.0,
        "largest_class": 0.5,
        "majority": 0.5,
    }


def test_a_model_that_is_always_wrong() -> None:
    assert metrics_of([0, 0, 1], [1, 1, 0], 2) == pytest.approx(
        {"accuracy": 0.0, "macro_f1": 0.0, "weighted_f1": 0.0, "largest_class": 2 / 3, "majority": 2 / 3}
    )


def test_an_absent_class_that_is_not_predicted_counts_as_0_only_in_macro_f1() -> None:
    metrics = metrics_of([0, 1], [0, 1], 3)
    assert metrics["macro_f1"] == pytest.approx(2 / 3)
    assert metrics["weighted_f1"] == 1.0


def test_a_model_that_always_predicts_one_class() -> None:
    metrics = metrics_of([0, 0, 1, 2], [0, 0, 0, 0], 3)
    assert metrics["accuracy"] == 0.5
    assert metrics["macro_f1"] == pytest.approx((2 * 2 / 6) / 3)
    assert metrics["largest_class"] == 1.0


def test_rows_of_the_confusion_matrix_are_the_true_classes() -> None:
    counts = confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 2]), 3)
    assert counts.tolist() == [[0, 2, 0], [0, 0, 1], [0, 0, 0]]
