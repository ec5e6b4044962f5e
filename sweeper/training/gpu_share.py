"""A training on a share of a GPU: within the share's memory, and with the share in its reports."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import torch

from sweeper.training.config import TrainConfig
from sweeper.training.device import has_mps
from sweeper.training.types import GPU_SHARE, Trainer, TrainingData, TrainingEvents, ValidationReport


def limit_gpu_memory(
    train: Trainer, share: float, config: TrainConfig, data: TrainingData, checkpoint_path: Path | None
) -> TrainingEvents:
    """Run `train` within this share of a GPU's memory: all of it, if it is 1 or more; 0 is no GPU."""
    if share and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(min(1.0, share))
    elif share and has_mps():
        torch.mps.set_per_process_memory_fraction(min(1.0, share))
    yield from train(config, data, checkpoint_path)


def report_gpu_share(
    train: Trainer, gpu: float, config: TrainConfig, data: TrainingData, checkpoint_path: Path | None
) -> TrainingEvents:
    """Run `train`, and add to the report of each validation the GPUs that the trial has."""
    with closing(train(config, data, checkpoint_path)) as events:
        for event in events:
            if isinstance(event, ValidationReport) and event.model_scores is None:
                yield replace(event, metrics={**event.metrics, GPU_SHARE: gpu})
            else:
                yield event
