"""Accuracy and F1 against scikit-learn, and the best constant prediction against every constant prediction."""

import warnings
from collections import Counter
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    matthews_corrcoef,
    precision_recall_fscore_support,
)

from sweeper.training.metric_registry import METRICS
from sweeper.training.metrics import (
    balanced_accuracy,
    best_constant,
    classification_metrics,
    compute_metric,
    confusion_matrix,
    mcc,
    mean_absolute_error,
    quadratic_kappa,
)


def metrics_of(labels: list[int], predictions: list[int], classes: int) -> dict[str, float]:
    counts = confusion_matrix(np.array(labels, dtype=np.int64), np.array(predictions, dtype=np.int64), classes)
    return classification_metrics(counts)


def by_scikit_learn(labels: list[int], predictions: list[int]) -> dict[str, float]:
    f1 = partial(f1_score, labels, predictions, zero_division=0.0)
    return {
        "accuracy": accuracy_score(labels, predictions),
        "macro_f1": f1(average="macro"),
        "weighted_f1": f1(average="weighted"),
        "largest_class": max(Counter(predictions).values()) / len(predictions),
        "majority": max(Counter(labels).values()) / len(labels),
    }


@st.composite
def answers(draw: st.DrawFn) -> tuple[list[int], list[int], int]:
    """Draw true and predicted classes, often without some of the classes, and the number of classes."""
    classes = draw(st.integers(1, 12))
    size = draw(st.integers(1, 60))
    true, predicted = (st.sampled_from(draw(st.lists(st.integers(0, classes - 1), min_size=1))) for _ in range(2))
    draws = (draw(st.lists(some, min_size=size, max_size=size)) for some in (true, predicted))
    return (*draws, classes)  # type: ignore[return-value]


@settings(max_examples=40)
@given(answers())
def test_metrics_equal_those_of_scikit_learn(case: tuple[list[int], list[int], int]) -> None:
    labels, predictions, classes = case
    assert metrics_of(labels, predictions, classes) == pytest.approx(by_scikit_learn(labels, predictions), abs=1e-12)


@settings(max_examples=40)
@given(answers(), st.sampled_from(["accuracy", "macro_f1", "weighted_f1"]))
def test_the_best_constant_prediction_is_the_best_of_all_classes(
    case: tuple[list[int], list[int], int], name: str
) -> None:
    labels, _, classes = case
    every = [metrics_of(labels, [k] * len(labels), classes)[name] for k in range(classes)]
    assert best_constant(name, [labels.count(k) for k in range(classes)]) == max(every)


@settings(max_examples=40)
@given(answers())
def test_the_best_constant_probabilities_are_the_shares_of_the_classes(case: tuple[list[int], list[int], int]) -> None:
    labels, predictions, classes = case
    found = best_constant("loss", [labels.count(k) for k in range(classes)])
    shares, others = (np.array([some.count(k) for k in range(classes)]) / len(some) for some in (labels, predictions))
    with np.errstate(divide="ignore"):
        losses = [float(-np.log(chosen)[labels].mean()) for chosen in (shares, others)]
    assert found == pytest.approx(losses[0], abs=1e-12)
    assert found <= losses[1] + 1e-12


def test_there_is_no_constant_prediction_for_no_texts() -> None:
    with pytest.raises(ValueError, match="no texts"):
        best_constant("accuracy", [0, 0])


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


@pytest.mark.parametrize(
    ("labels", "predictions", "macro_f1"),
    [
        ([0, 1], [0, 1], 1.0),  # class 2 occurs nowhere
        ([0, 1], [0, 2], 1 / 3),  # true, or predicted, or both
        ([1, 1], [1, 1], 1.0),
        ([1, 1], [0, 0], 0.0),
    ],
)
def test_macro_f1_is_the_mean_over_the_classes_that_occur(
    labels: list[int], predictions: list[int], macro_f1: float
) -> None:
    assert metrics_of(labels, predictions, 3)["macro_f1"] == pytest.approx(macro_f1)


def test_a_model_that_always_predicts_one_class() -> None:
    metrics = metrics_of([0, 0, 1, 2], [0, 0, 0, 0], 3)
    assert metrics["accuracy"] == 0.5
    assert metrics["macro_f1"] == pytest.approx((2 * 2 / 6) / 3)
    assert metrics["largest_class"] == 1.0


def test_rows_of_the_confusion_matrix_are_the_true_classes() -> None:
    counts = confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 2]), 3)
    assert counts.tolist() == [[0, 2, 0], [0, 0, 1], [0, 0, 0]]


@settings(max_examples=40)
@given(answers())
def test_metrics_of_the_confusion_matrix_equal_those_of_scikit_learn(case: tuple[list[int], list[int], int]) -> None:
    labels, predictions, classes = case
    counts = confusion_matrix(np.array(labels), np.array(predictions), classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kappa = cohen_kappa_score(labels, predictions, labels=range(classes), weights="quadratic")
        assert balanced_accuracy(counts) == pytest.approx(balanced_accuracy_score(labels, predictions), abs=1e-12)
        assert mcc(counts) == pytest.approx(matthews_corrcoef(labels, predictions), abs=1e-9)
    assert quadratic_kappa(counts) == pytest.approx(kappa, abs=1e-9, nan_ok=True)
    steps = np.abs(np.array(labels) - np.array(predictions)).mean()
    assert mean_absolute_error(counts) == pytest.approx(steps, abs=1e-12)


@settings(max_examples=40)
@given(answers())
def test_metrics_of_one_class_equal_those_of_scikit_learn(case: tuple[list[int], list[int], int]) -> None:
    labels, predictions, classes = case
    names = [f"class {k}" for k in range(classes)]
    found = precision_recall_fscore_support(labels, predictions, labels=range(classes), zero_division=0)
    for kind, values in zip(("precision", "recall", "f1"), found[:3], strict=True):
        every = [
            compute_metric(f"{kind}/{name}", np.array(labels), np.eye(classes)[predictions], names) for name in names
        ]
        assert every == pytest.approx(values.tolist())


@pytest.mark.parametrize("name", ["f1/a", "f1/b", "f1/c"])
def test_the_best_constant_prediction_for_a_class_is_the_class_itself(name: str) -> None:
    counts = [5, 20, 0]
    texts = counts["abc".index(name[-1])]
    assert best_constant(name, counts, "abc") == pytest.approx(2 * texts / (25 + texts))


@pytest.mark.parametrize("name", ["mcc", "balanced_accuracy", "qwk", "mae"])
def test_a_constant_prediction_is_worth_what_the_best_one_has(name: str) -> None:
    counts = [5, 20, 5]
    better = max if METRICS[name].better == "higher" else min
    every = [compute_metric(name, np.repeat([0, 1, 2], counts), np.eye(3)[np.full(30, k)]) for k in range(3)]
    assert best_constant(name, counts) == pytest.approx(better(every))
