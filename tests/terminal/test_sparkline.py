"""Validations as a row of bars on an axis, with rungs and what is still to come."""

import pytest

from sweeper.terminal.sparkline import Scale, draw_validations


@pytest.mark.parametrize(
    ("values", "planned", "rungs", "length", "row"),
    [
        ({1: 0.0, 2: 1.0}, 4, (1, 2), 12, "▁┊█┊··"),
        ({1: 0.5}, 3, (), 12, "▅··"),
        ({1: float("nan"), 2: 1.0}, 2, (2,), 12, "×█"),  # at the last validation nothing is left to stop
        ({step: step / 100 for step in range(1, 51)}, 100, (25,), 11, "▂▂▃┊▄▅·····"),
        ({1: 0.0}, 1, (), 12, "▁"),
        ({}, 2, (1,), 12, "·┊·"),
    ],
)
def test_a_curve_has_its_rungs_and_what_is_to_come(
    values: dict[int, float], planned: int, rungs: tuple[int, ...], length: int, row: str
) -> None:
    drawn = draw_validations(values, planned, rungs, Scale(0.0, 1.0), length)
    assert drawn == row
    assert len(drawn) <= length
