"""A trial gets only its share of a GPU's memory."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
import torch

from sweeper.errors import UsageError
from sweeper.training import device
from sweeper.training.config import TrainConfig
from sweeper.training.types import TrainingData, ValidationReport
from tests.support.fakes import data

REPORT = ValidationReport(1, 1.0, {"validation/accuracy": 0.5})


def train_once(
    config: TrainConfig, _: TrainingData, checkpoint_path: Path | None
) -> Generator[ValidationReport, None, None]:
    yield REPORT


@pytest.mark.parametrize(("gpu", "shares"), [(0.5, [0.5]), (0.25, [0.25]), (1, [1]), (2, [1]), (0, [])])
def test_a_share_of_a_gpu_limits_memory_to_that_share(
    gpu: float, shares: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", limits.append)
    assert list(device.limit_gpu_memory(train_once, gpu, TrainConfig(encoder="m"), data(), None)) == [REPORT]
    assert limits == shares


def test_without_a_gpu_nothing_is_limited() -> None:
    assert list(device.limit_gpu_memory(train_once, 0.5, TrainConfig(encoder="m"), data(), None)) == [REPORT]


@pytest.fixture
def apple_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("apple_chip")
def test_the_gpu_of_an_apple_chip_is_used_and_can_be_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig(encoder="m")
    assert device.setup_device(config) == torch.device("mps")
    assert device.gpu_count() == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # as in a worker that has no share of a GPU
    assert device.setup_device(config).type == "cpu"


def test_on_the_gpu_of_an_apple_chip_auto_is_float32() -> None:
    mps = torch.device("mps")
    assert device.resolve_precision("auto", mps) == "float32"
    assert device.resolve_precision("bf16", mps) == "bf16"
    for without_cuda in (mps, torch.device("cpu")):
        with pytest.raises(UsageError, match="fp16 needs a GPU of CUDA"):
            device.resolve_precision("fp16", without_cuda)


def test_cores_are_counted_where_python_cannot_say_which_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert device.cpu_count() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert device.cpu_count() == os.cpu_count()
