"""A trial gets only its share of a GPU's memory, and its reports say which share it had where trials differ."""

from collections.abc import Generator
from pathlib import Path

import pytest
import torch

from sweeper.training.config import TrainConfig
from sweeper.training.gpu_share import limit_gpu_memory, report_gpu_share
from sweeper.training.types import GPU_SHARE, Heartbeat, ModelScores, TrainingData, ValidationReport
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
    assert list(limit_gpu_memory(train_once, gpu, TrainConfig(encoder="m"), data(), None)) == [REPORT]
    assert limits == shares


def test_without_a_gpu_nothing_is_limited() -> None:
    assert list(limit_gpu_memory(train_once, 0.5, TrainConfig(encoder="m"), data(), None)) == [REPORT]


def test_reports_of_validations_have_the_share() -> None:
    scored = ValidationReport(1, 1.0, {"test/accuracy": 0.5}, ModelScores({}))

    def train(
        config: TrainConfig, _: TrainingData, __: Path | None
    ) -> Generator[ValidationReport | Heartbeat, None, None]:
        yield Heartbeat()
        yield REPORT
        yield scored

    events = list(report_gpu_share(train, 0.25, TrainConfig(encoder="m"), data(), None))
    assert events == [Heartbeat(), ValidationReport(1, 1.0, {**REPORT.metrics, GPU_SHARE: 0.25}), scored]
