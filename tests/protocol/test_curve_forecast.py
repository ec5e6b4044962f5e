"""Values of trials at later validations, foreseen from the other trials of a system."""

import math
from random import Random
from statistics import fmean, pstdev

import pytest

from sweeper.protocol.curve_forecast import CurveForecast

CURVES = [[0.2, 0.4, 0.5], [0.1, 0.3, 0.4], [0.3, 0.5]]  # 0.2 is gained, and then 0.1


def test_a_known_value_is_on_the_curve() -> None:
    assert CurveForecast(CURVES, [3, 3, 3]).draw_value([0.2, 0.9], 1, Random(0)) == 0.2


@pytest.mark.parametrize(("curve", "step", "value"), [([0.7], 2, 0.9), ([0.7], 3, 1.0), ([0.7, 0.7], 3, 0.8)])
def test_a_trial_gains_what_the_others_did(curve: list[float], step: int, value: float) -> None:
    assert CurveForecast(CURVES, [3, 3, 3]).draw_value(curve, step, Random(0)) == pytest.approx(value)


def test_what_no_trial_has_gained_yet_is_half_of_the_gain_before() -> None:
    assert CurveForecast(CURVES, [5, 5, 5]).draw_value([0.7], 5, Random(0)) == pytest.approx(1.0 + 0.05 + 0.025)


def test_the_noise_is_that_of_the_others() -> None:
    forecast, random = CurveForecast([[0.0, 0.1], [0.0, 0.3]], [2, 2]), Random(0)
    values = [forecast.draw_value([1.0], 2, random) for _ in range(2000)]
    assert fmean(values) == pytest.approx(1.2, abs=0.01)
    assert pstdev(values) == pytest.approx(0.1 * math.sqrt(2), rel=0.05)


def test_without_other_values_a_curve_stays_level() -> None:
    assert CurveForecast([[0.5]], [4]).draw_value([0.5], 4, Random(0)) == 0.5


def test_new_trials_are_spread_like_the_known_ones() -> None:
    curves = [[k / 10] for k in range(10)]
    forecast, random = CurveForecast(curves, [1] * 10), Random(0)
    values = [curves[index][0] + forecast.draw_better(index, random) for index in range(10) for _ in range(300)]
    assert fmean(values) == pytest.approx(0.45, abs=0.02)
    assert pstdev(values) == pytest.approx(pstdev(it[0] for it in curves) * math.sqrt(11 / 9), rel=0.03)


def test_a_single_trial_is_surpassed_as_often_as_not() -> None:
    forecast, random = CurveForecast([[0.5]], [1]), Random(0)
    assert 400 < sum(forecast.draw_better(0, random) > 0 for _ in range(1000)) < 600


def test_equal_trials_are_not_surpassed_and_values_that_are_none_stay_none() -> None:
    assert CurveForecast([[0.5], [0.5]], [1, 1]).draw_better(0, Random(0)) == 0
    forecast = CurveForecast([[-math.inf], [0.5], [0.6]], [2, 2, 2])
    assert forecast.draw_better(0, Random(0)) == 0
    assert forecast.draw_value([-math.inf], 2, Random(0)) == -math.inf
