"""Measure the GPU memory of a training by its longest batches."""

from dataclasses import dataclass, field

import numpy as np
import torch

from sweeper.errors import SweeperError
from sweeper.training.calibration import part_of, spread
from sweeper.training.config import TrainConfig
from sweeper.training.evaluation import scored_batch_size
from sweeper.training.parameter_count import feature_width
from sweeper.training.registry import LOSSES
from sweeper.training.trainer import train_events
from sweeper.training.training_cost import TrainingCost
from sweeper.training.types import TokenizedSplit, TrainingData

_BATCHES = 6  # besides the longest one: other lengths leave gaps in memory, as they do in a whole training
_FLOAT = 4  # bytes


class CudaMemory:
    """The memory of this process's GPU, in bytes."""

    def reset(self) -> None:
        """Forget the trainings before. Raises SweeperError without a GPU of CUDA."""
        if not torch.cuda.is_available():
            raise SweeperError("torch finds no GPU of CUDA here")
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def read(self) -> tuple[int, int, int]:
        """Return torch's most memory since `reset`, what is taken besides torch's memory, and the GPU's whole memory.

        The second is the CUDA context of this process, and what other processes have.
        """
        free, total = torch.cuda.mem_get_info()
        return torch.cuda.max_memory_reserved(), max(0, total - free - torch.cuda.memory_reserved()), total


@dataclass(frozen=True)
class MemoryProbe:
    """A Measure of GPU memory alone: it returns a TrainingCost without times."""

    memory: CudaMemory = field(default_factory=CudaMemory)

    def __call__(self, config: TrainConfig, data: TrainingData) -> TrainingCost:
        """Train and validate on the longest batches of each split, and some of other lengths.

        Raises what a training raises.
        """
        size = config.batch_size
        once = config.model_copy(update={"validations_per_epoch": 1, "epochs": 1, "contrastive_epochs": 1})
        lengths = _by_length(data.splits["train"])
        batches = [lengths[start : start + size] for start in range(0, len(lengths), size)]
        longest_scored = _by_length(data.splits["validation"])[: scored_batch_size(config)]
        self.memory.reset()
        part = part_of(data, [batches[0], *spread(batches[1:], _BATCHES)], [longest_scored])
        for _ in train_events(once, part):
            pass
        peak, outside, total = self.memory.read()
        return TrainingCost(
            gpu_memory=peak + _features(config, data) + _memory(config, data), gpu_outside=outside, gpu_total=total
        )


def _by_length(split: TokenizedSplit) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Return the row numbers of a split, longest texts first."""
    return np.argsort(-np.diff(split.starts), kind="stable")


def _memory(config: TrainConfig, data: TrainingData) -> int:
    """Return the bytes of a full memory of past batches: its features, and a copy of them scaled to length 1."""
    is_used = LOSSES[config.loss].contrastive_term is not None
    return 2 * _FLOAT * config.memory * feature_width(config, data) if is_used else 0


def _features(config: TrainConfig, data: TrainingData) -> int:
    """Return the bytes of the features of all texts, which the second phase of a training keeps on the GPU."""
    has_features = LOSSES[config.loss].has_two_phases
    return _FLOAT * len(data.splits["train"]) * data.encoder.width if has_features else 0
