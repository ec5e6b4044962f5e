"""Metrics of probabilities against their definitions, and without each text against computing them again."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sweeper.training.metric_registry import METRICS
from sweeper.training.metrics import best_constant, compute_metric
from sweeper.training.named_function import load_function
from sweeper.training.probability_metrics import apply_temperature, calibration_error, fit_temperature
from sweeper.training.text_influence import calibration_error_without_each


def draw(classes: int, texts: int = 60, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return true classes, each with at least one text, and probabilities that know something of them."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), random.integers(0, classes, texts - classes)])
    logits = random.standard_normal((texts, classes)) + 1.5 * np.eye(classes)[labels]
    probabilities = np.exp(logits)
    return labels, (probabilities / probabilities.sum(axis=1, keepdims=True)).astype(np.float32)


def area(labels: NDArray[np.bool_], scores: NDArray[np.float32]) -> float:
    """Return the share of pairs that are in the right order; ties count half."""
    above = scores[labels][:, None] - scores[~labels][None, :]
    return float((above > 0).mean() + (above == 0).mean() / 2)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_metrics_of_probabilities_are_as_they_are_defined(classes: int) -> None:
    labels, probabilities = draw(classes)
    one_hot = np.eye(classes)[labels]
    squares = float(np.square(probabilities - one_hot).sum(axis=1).mean())
    areas = [area(labels == k, probabilities[:, k]) for k in range(classes)]
    expected = {
        "loss": float(-np.log(probabilities[one_hot.astype(bool)]).mean()),
        "brier": squares / 2 if classes == 2 else squares,
        "auroc": areas[1] if classes == 2 else float(np.mean(areas)),
    }
    found = {name: compute_metric(name, labels, probabilities) for name in expected}
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_class_that_the_model_excludes_costs_36_nats() -> None:
    probabilities = np.array([[1, 0], [0.5, 0.5], [0.5, 0.5]], dtype=np.float32)
    labels = np.array([1, 0, 1])
    lost, halved = -math.log(2**-52), math.log(2)  # 2 ** -52 is the machine epsilon of float64
    assert compute_metric("loss", labels, probabilities) == pytest.approx((lost + 2 * halved) / 3)
    without_each = load_function(str(METRICS["loss"].without_each))(labels, probabilities)
    assert without_each == pytest.approx([halved, (lost + halved) / 2, (lost + halved) / 2])


@pytest.mark.parametrize("classes", [2, 3])
def test_the_area_without_a_text_is_that_of_the_others_for_probabilities_that_round_to_one(classes: int) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(60) % classes
    logits = 14 * (random.standard_normal((60, classes)) + np.eye(classes)[labels])
    powers = np.exp(logits)
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    assert np.count_nonzero(probabilities[:, 1] == 1) > 1  # ranked by the rest of their rows
    found = load_function(str(METRICS["auroc"].without_each))(labels, probabilities)
    for k in range(60):
        others = np.delete(labels, k), np.delete(probabilities, k, axis=0)
        assert found[k] == pytest.approx(compute_metric("auroc", *others), abs=1e-12)


def test_the_area_is_undefined_if_a_class_has_no_text() -> None:
    labels, probabilities = draw(3)
    assert math.isnan(compute_metric("auroc", np.minimum(labels, 1), probabilities))


def test_the_calibration_error_is_the_mean_distance_of_ten_bins() -> None:
    probabilities = np.array([[0.95, 0.05], [0.92, 0.08], [0.45, 0.55], [0.42, 0.58]])
    first, second = abs(0.935 - 0.5), abs(0.565 - 1.0)
    assert calibration_error(np.array([0, 1, 1, 1]), probabilities) == pytest.approx((first + second) / 2)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_fitted_temperature_undoes_the_one_that_was_applied(temperature: float) -> None:
    labels, probabilities = draw(4, 3000)
    own = fit_temperature(labels, probabilities)
    sharpened = apply_temperature(probabilities, 1 / temperature)
    assert fit_temperature(labels, sharpened) == pytest.approx(temperature * own, rel=1e-3)
    assert apply_temperature(sharpened, temperature) == pytest.approx(probabilities, abs=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.without_each])
def test_a_metric_without_each_text_is_that_of_the_other_texts(name: str, classes: int) -> None:
    labels, probabilities = draw(classes, 30)
    labels[:classes] = (labels[:classes] + 1) % classes  # ties in order of no class
    found = load_function(str(METRICS[name].without_each))(labels, probabilities)
    others = [np.arange(30) != k for k in range(30)]
    again = [compute_metric(name, labels[rows], probabilities[rows]) for rows in others]
    assert found == pytest.approx(again, rel=1e-6)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.floats(0.2, 4))
def test_the_calibration_error_without_each_text_is_right_in_any_bins(seed: int, texts: int, sharpness: float) -> None:
    random = np.random.default_rng(seed)
    values = np.exp(sharpness * random.standard_normal((texts, 3)))
    probabilities = values / values.sum(axis=1, keepdims=True)
    probabilities[0] = (1, 0, 0)  # often alone in the last bin; the lowest three are always empty
    labels = random.integers(0, 3, texts)
    found = calibration_error_without_each(labels, probabilities)
    again = [calibration_error(np.delete(labels, k), np.delete(probabilities, k, axis=0)) for k in range(texts)]
    assert found == pytest.approx(again, abs=1e-12)


@pytest.mark.parametrize(("name", "expected"), [("auroc", 0.5), ("brier", 1 - 0.5**2 - 0.25**2 - 0.25**2)])
def test_the_best_constant_probabilities_are_the_shares(name: str, expected: float) -> None:
    assert best_constant(name, [4, 2, 2]) == pytest.approx(expected)
