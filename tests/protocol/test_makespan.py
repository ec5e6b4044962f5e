"""Trainings side by side: when all are done, and when an amount of their work is."""

import pytest

from sweeper.protocol.makespan import makespan, time_of_work


@pytest.mark.parametrize(
    ("durations", "slots", "seconds"),
    [([], 2, 0), ([3, 1], 1, 4), ([3, 1], 2, 3), ([1, 1, 4], 2, 5), ([4, 1, 1], 2, 4), ([2], 16, 2)],
)
def test_each_training_starts_as_soon_as_a_slot_is_free(durations: list[float], slots: int, seconds: float) -> None:
    assert makespan(durations, slots) == seconds


def test_the_slots_may_be_free_only_later() -> None:
    assert makespan([1, 1, 4], 2, 10) == 15
    assert makespan([], 2, 10) == 0


@pytest.mark.parametrize(
    ("amount", "seconds"),
    [(0, 0), (3, 1), (6, 2), (8, 4), (10, 6), (99, 6)],
)
def test_work_is_done_evenly_while_a_training_runs(amount: float, seconds: float) -> None:
    assert time_of_work([2, 6], [4, 6], slots=2, amount=amount) == pytest.approx(seconds)
