"""The timed training that stands for a setting."""

import pytest

from sweeper.protocol.calibration_points import nearest_point
from sweeper.training.config import TrainConfig


def config(rank: int) -> TrainConfig:
    return TrainConfig(encoder="m", lora=rank)


@pytest.mark.parametrize(("rank", "nearest"), [(0, 0), (1, 8), (8, 8), (20, 32), (500, 32)])
def test_an_adapter_is_never_timed_by_a_training_without_one(rank: int, nearest: int) -> None:
    points = [config(0), config(8), config(32)]
    assert points[nearest_point(config(rank), points)].lora == nearest
