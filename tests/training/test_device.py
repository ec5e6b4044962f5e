"""The device and the precision of a training."""

import os
import subprocess
import sys

import pytest
import torch

from sweeper.errors import UsageError
from sweeper.training import device
from sweeper.training.config import TrainConfig


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


def test_threads_that_wait_sleep_soon() -> None:
    """OpenMP prints its settings when torch loads it."""
    variables = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    program = [sys.executable, "-c", "import sweeper.training.device"]
    env = {**variables, "OMP_DISPLAY_ENV": "verbose"}
    done = subprocess.run(program, env=env, check=True, capture_output=True, text=True)
    assert "GOMP_SPINCOUNT = '1000'" in done.stderr


def test_a_variable_of_the_user_is_kept() -> None:
    program = [sys.executable, "-c", "import os, sweeper.training; print(os.environ['GOMP_SPINCOUNT'])"]
    env = {**os.environ, "GOMP_SPINCOUNT": "7"}
    assert subprocess.run(program, env=env, check=True, capture_output=True, text=True).stdout == "7\n"
