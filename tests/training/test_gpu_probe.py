"""The measurement of GPU memory, on a GPU whose memory is a number."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from sweeper.errors import SweeperError
from sweeper.training.config import TrainConfig
from sweeper.training.gpu_probe import CudaMemory, MemoryProbe
from sweeper.training.model import Classifier
from sweeper.training.training_cost import TrainingCost
from sweeper.training.types import TrainingData
from tests.support import tiny_training


class FakeMemory(CudaMemory):
    """A GPU of 24,000 bytes, on which a model needs 7 bytes and a byte for each token of its largest batch, padded.

    `shapes` are those of the batches, (B, L), and whether they trained.
    """

    def reset(self) -> None:
        self.shapes: list[tuple[int, int, bool]] = []
        self.hook = register_module_forward_pre_hook(self._note)

    def _note(self, module: nn.Module, inputs: Any) -> None:
        if isinstance(module, Classifier):
            self.shapes.append((*inputs[0].ids.shape, module.training))

    def read(self) -> tuple[int, int, int]:
        self.hook.remove()
        return 7 + max(size * length for size, length, _ in self.shapes), 1, 24_000


def longest_batch(data: TrainingData, split: str, size: int) -> tuple[int, int]:
    """Return the shape of the batch of a split's longest texts."""
    lengths = np.diff(data.splits[split].starts)
    return min(size, len(lengths)), int(lengths.max())


@pytest.mark.parametrize("loss", ["ce", "lcl"])
def test_training_on_the_longest_texts_gives_the_memory(loss: str) -> None:
    config = tiny_training.config(loss=loss, batch_size=8, validations_per_epoch=4, epochs=9)
    data, memory = tiny_training.data(rows=200), FakeMemory()
    cost = MemoryProbe(memory)(config, data)
    trained, scored = longest_batch(data, "train", 8), longest_batch(data, "validation", 64)
    assert memory.shapes.count((*trained, True)) == 1
    assert [shape for shape in memory.shapes if not shape[2]] == [(*scored, False)]
    assert 2 < sum(is_training for *_, is_training in memory.shapes) < 25  # some of the 25 batches of an epoch
    most = max(size * length for size, length in (trained, scored))
    assert cost == TrainingCost(gpu_memory=7 + most, gpu_outside=1, gpu_total=24_000)


def peak(config: TrainConfig, data: TrainingData) -> int:
    """Return the memory of the largest batch on the fake GPU."""
    batches = longest_batch(data, "train", config.batch_size), longest_batch(data, "validation", 64)
    return 7 + max(size * length for size, length in batches)


def test_features_that_a_second_phase_keeps_are_counted() -> None:
    config = tiny_training.config(loss="scl_two_phase", batch_size=8, contrastive_epochs=2, epochs=2)
    data = tiny_training.data(rows=40)
    data = replace(data, encoder=replace(data.encoder, width=32))
    assert MemoryProbe(FakeMemory())(config, data).gpu_memory == peak(config, data) + 4 * 40 * 32


def test_a_full_memory_of_past_batches_is_counted() -> None:
    data = tiny_training.data(rows=40)
    data = replace(data, encoder=replace(data.encoder, width=32))
    for loss, expected in (("scl", 2 * 4 * 500 * 32), ("ce", 0)):
        config = tiny_training.config(loss=loss, batch_size=8, memory=500)
        assert MemoryProbe(FakeMemory())(config, data).gpu_memory == peak(config, data) + expected


def test_batch_that_is_larger_than_the_data_is_measured() -> None:
    config, data = tiny_training.config(batch_size=64, epochs=1), tiny_training.data(rows=12)
    assert MemoryProbe(FakeMemory())(config, data).gpu_memory == peak(config, data)


def test_without_a_gpu_there_is_nothing_to_measure() -> None:
    with pytest.raises(SweeperError, match="no GPU of CUDA"):
        MemoryProbe()(tiny_training.config(), tiny_training.data(rows=12))
