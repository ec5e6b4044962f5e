"""The measurement of GPU memory, on a GPU whose memory is a number."""

from dataclasses import replace

import pytest

from sweeper.errors import SweeperError
from sweeper.training.gpu_probe import CudaMemory, MemoryProbe
from sweeper.training.training_cost import TrainingCost
from tests.support import tiny_training


class FakeMemory(CudaMemory):
    """A GPU of 24 bytes."""

    def reset(self) -> None:
        self.peak = 7

    def read(self) -> tuple[int, int, int]:
        return self.peak, 1, 24


@pytest.mark.parametrize("loss", ["ce", "lcl"])
def test_training_on_the_longest_texts_gives_the_memory(loss: str) -> None:
    config = tiny_training.config(loss=loss, batch_size=8, validations_per_epoch=4, epochs=9)
    cost = MemoryProbe(FakeMemory())(config, tiny_training.data(rows=40))
    assert cost == TrainingCost(gpu_memory=7, gpu_outside=1, gpu_total=24)


def test_features_that_a_second_phase_keeps_are_counted() -> None:
    config = tiny_training.config(loss="scl_two_phase", batch_size=8, contrastive_epochs=2, epochs=2)
    data = tiny_training.data(rows=40)
    data = replace(data, encoder=replace(data.encoder, width=32))
    assert MemoryProbe(FakeMemory())(config, data).gpu_memory == 7 + 4 * 40 * 32


def test_a_full_memory_of_past_batches_is_counted() -> None:
    data = tiny_training.data(rows=40)
    data = replace(data, encoder=replace(data.encoder, width=32))
    for loss, expected in (("scl", 7 + 2 * 4 * 500 * 32), ("ce", 7)):
        config = tiny_training.config(loss=loss, batch_size=8, memory=500)
        assert MemoryProbe(FakeMemory())(config, data).gpu_memory == expected


def test_batch_that_is_larger_than_the_data_is_measured() -> None:
    config = tiny_training.config(batch_size=64, epochs=1)
    assert MemoryProbe(FakeMemory())(config, tiny_training.data(rows=12)).gpu_memory == 7


def test_without_a_gpu_there_is_nothing_to_measure() -> None:
    with pytest.raises(SweeperError, match="no GPU of CUDA"):
        MemoryProbe()(tiny_training.config(), tiny_training.data(rows=12))
