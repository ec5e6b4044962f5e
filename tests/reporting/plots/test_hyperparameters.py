"""The axes of plots of hyperparameters show the searched range, wherever the trials lie in it."""

import math

import pytest

from sweeper.reporting.html.figure_data import ParallelAxis, SliceFigure
from sweeper.reporting.plots.hyperparameters import plot_slice


def axis_ends(axis: ParallelAxis) -> tuple[float, float, list[float]]:
    """Return the ends of the drawn axis and its ticks, all as values of the hyperparameter."""
    count = len(axis.values)
    drawn = plot_slice(SliceFigure("accuracy", axis, [0.5] * count, ["ce"] * count, list(range(count)), ["ce"]))
    low, high = drawn.layout.xaxis.range
    ends = (10**low, 10**high) if axis.is_log else (low, high)
    return *ends, list(drawn.layout.xaxis.tickvals or ())


def test_a_logarithmic_axis_shows_the_searched_range_and_its_ends_as_ticks() -> None:
    low, high, ticks = axis_ends(ParallelAxis("lr", [0.0022, 0.02], range=(0.001, 0.03), is_log=True))
    assert 0.0005 < low < 0.001
    assert 0.03 < high < 0.06
    assert (min(ticks), max(ticks)) == pytest.approx((0.001, 0.03))


def test_a_linear_axis_shows_the_searched_range() -> None:
    low, high, _ = axis_ends(ParallelAxis("alpha", [0.4, None, 0.5], range=(0.1, 0.9)))
    assert (low, high) == pytest.approx((0.06, 0.94))


def test_the_searched_range_is_shown_where_no_trial_has_a_value() -> None:
    low, high, _ = axis_ends(ParallelAxis("alpha", [None, None], range=(0.1, 0.5)))
    assert (low, high) == pytest.approx((0.08, 0.52))


def test_values_outside_the_range_are_shown_too() -> None:
    low, high, _ = axis_ends(ParallelAxis("alpha", [0.05, 0.5], range=(0.1, 0.9)))
    assert (low, high) == pytest.approx((0.0075, 0.9425))


@pytest.mark.parametrize("is_log", [True, False])
def test_a_single_value_has_an_axis_around_it(is_log: bool) -> None:
    low, high, _ = axis_ends(ParallelAxis("tau", [0.3, 0.3], is_log=is_log))
    assert low < 0.3 < high
    assert math.isfinite(high - low)
