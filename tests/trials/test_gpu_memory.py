"""Shares of a GPU by measured memory, on a GPU whose memory is a number."""

from typing import Any

import pytest

from sweeper.training.config import TrainConfig
from sweeper.trials.gpu_memory import GpuMemory, MeasuredTraining, fit_on_gpus, memory_params

GB = 10**9


def config(**values: Any) -> TrainConfig:
    return TrainConfig(encoder="m", **values)


def gpu(trainings: dict[TrainConfig, int | None], total: int = 24 * GB, outside: int = 0) -> GpuMemory:
    measured = tuple(MeasuredTraining(params=memory_params(key), memory=value) for key, value in trainings.items())
    return GpuMemory(gpus="a GPU", total=total, outside=outside, trainings=measured)


@pytest.mark.parametrize(
    ("needed", "outside", "parts"),
    [
        (5 * GB, 0, 4),  # 5.5 GB with the margin
        (6 * GB, 0, 3),
        (5 * GB, GB, 3),
        (11 * GB, 0, 1),
        (30 * GB, 0, 1),
        (GB // 100, 0, 16),
    ],
)
def test_share_is_one_of_equal_parts_that_hold_the_memory_with_a_margin(needed: int, outside: int, parts: int) -> None:
    share = gpu({config(): needed}, outside=outside).share_of(config())
    assert share.gpu == pytest.approx(1 / parts, abs=1e-4)
    assert fit_on_gpus([share.gpu] * parts, 1)
    assert not fit_on_gpus([share.gpu] * (parts + 1), 1)
    if parts > 1:  # the limits of all together, with what is beside them, are within the GPU
        assert parts * (share.memory * 24 * GB + outside) <= 24 * GB
        assert share.memory * 24 * GB >= needed


def test_other_batch_sizes_get_the_share_of_the_next_larger_one() -> None:
    memory = gpu({config(batch_size=32): 11 * GB, config(batch_size=8): 5 * GB, config(batch_size=4): 2 * GB})
    shares = {size: memory.share_of(config(batch_size=size)).gpu for size in (2, 4, 5, 8, 9, 32, 33)}
    assert shares == {2: 0.1, 4: 0.1, 5: 0.25, 8: 0.25, 9: 1.0, 32: 1.0, 33: 1.0}
    assert memory.share_of(config(batch_size=4, max_length=512)).gpu == 1.0  # longer texts were not measured
    assert memory.share_of(config(batch_size=4, loss="scl")).gpu == 1.0  # another loss neither


def test_only_the_number_of_passes_tells_trainings_with_dropout_views_apart() -> None:
    memory = gpu({config(loss="scl", consistency=0.5): 5 * GB, config(loss="scl"): 2 * GB})
    other = [config(loss="scl", consistency=2.0), config(loss="scl", views=2), config(loss="scl", tau=0.1)]
    assert [memory.share_of(training).gpu for training in other] == [0.25, 0.25, 0.1]


def test_an_average_on_the_gpu_makes_a_kind_of_its_own() -> None:
    memory = gpu({config(average="ema"): 5 * GB, config(): 2 * GB})
    shares = [memory.share_of(config(average=average)).gpu for average in ("best", "last", "soup", "ema")]
    assert shares == [0.1, 0.1, 0.1, 0.25]
    assert memory.share_of(config(memory=8)).gpu == 0.1  # cross entropy has no memory


def test_a_memory_of_past_batches_makes_a_kind_of_its_own() -> None:
    memory = gpu({config(loss="scl", memory=64): 5 * GB, config(loss="scl"): 2 * GB})
    assert [memory.share_of(config(loss="scl", memory=size)).gpu for size in (0, 64, 65)] == [0.1, 0.25, 1.0]
    cached = config(loss="scl", gradient_cache=True, accumulate=8)
    memory = gpu({cached: 5 * GB, config(loss="scl"): 2 * GB})
    trainings = (cached, config(loss="scl", accumulate=8), cached.model_copy(update={"accumulate": 9}))
    assert [memory.share_of(training).gpu for training in trainings] == [0.25, 0.1, 1.0]


def test_training_that_did_not_fit_a_whole_gpu_gets_one() -> None:
    memory = gpu({config(batch_size=32): None, config(batch_size=64): 5 * GB})
    assert memory.share_of(config(batch_size=32)).gpu == 1.0
    assert memory.share_of(config(batch_size=16)).gpu == 0.25


@pytest.mark.parametrize(
    ("shares", "gpus", "fit"),
    [
        ([], 0, True),
        ([0.5, 0.5], 1, True),
        ([0.5, 0.5, 0.25], 1, False),
        ([0.6, 0.6], 1, False),  # no trial spans two GPUs
        ([0.6, 0.6], 2, True),
        ([0.5, 0.25, 1.0, 0.25], 2, True),
        ([1.0], 0, False),
    ],
)
def test_trials_side_by_side_fit_or_not(shares: list[float], gpus: int, fit: bool) -> None:
    assert fit_on_gpus(shares, gpus) == fit


def test_an_adapter_needs_a_measurement_of_its_own_and_earlier_ones_stay_valid() -> None:
    memory = gpu({config(): 10 * GB, config(lora=8): 2 * GB})
    assert [memory.share_of(config(lora=rank)).gpu for rank in (0, 8, 16)] == [0.5, 0.1, 1.0]
    assert "lora" not in memory_params(config())
