"""The curve of a trial stands where its axis says."""

import math

import pytest

from sweeper.terminal.curve import Axes, draw_curve


@pytest.mark.parametrize(("value", "row"), [(1.0, 0), (0.0, 7), (2.0, 0), (-1.0, 7)])
def test_a_value_stands_at_its_height(value: float, row: int) -> None:
    lines = draw_curve([value], Axes(0.0, 1.0, 4), 80)
    assert [number for number, line in enumerate(lines[:8]) if "●" in line] == [row]
    assert (lines[0][:6], lines[7][:6]) == ("1.0000", "0.0000")


def test_a_value_that_is_not_finite_is_marked_below() -> None:
    assert "×" in draw_curve([0.5, math.nan], Axes(0.0, 1.0, 4), 80)[7]


def test_rungs_stand_below_their_validation() -> None:
    lines = draw_curve([0.5] * 5, Axes(0.0, 1.0, 5, 1, (3,)), 80)
    points = [column for column, sign in enumerate(lines[4]) if sign == "●"]
    assert lines[-2].index("▲") == points[2]


@pytest.mark.parametrize("width", [20, 60, 200])
@pytest.mark.parametrize("validations", [1, 5, 500])
def test_no_line_is_wider_than_the_terminal(width: int, validations: int) -> None:
    lines = draw_curve([0.1 * k for k in range(validations)], Axes(0.0, 50.0, validations, 1, ()), width)
    assert max(map(len, lines)) <= max(width, 22)


def test_equal_values_make_a_flat_curve() -> None:
    lines = draw_curve([0.5, 0.5], Axes(0.5, 0.5, 2), 80)
    assert lines[7].count("●") == 2
    assert [number for number, line in enumerate(lines) if "0.5000" in line] == [7]


def test_a_label_stands_once_however_narrow_the_range_is() -> None:
    lines = draw_curve([0.5, 0.50006], Axes(0.5, 0.50006, 2), 80)
    assert [line.split("┤")[0].strip() for line in lines[:8] if "┤" in line] == ["0.5001", "0.5000"]
