"""Continuing from a checkpoint gives exactly the numbers of a training that never stopped."""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.training.trainer import train
from sweeper.training.types import TrainingData
from tests.support import tiny_training

HALF_UPDATES: dict[str, Any] = {"accumulate": 2, "validations_per_epoch": 2}

CASES: list[tuple[int, dict[str, Any]]] = [
    (1, {"loss": "ce"}),
    (1, {"loss": "scl"}),
    (1, {"loss": "lcl"}),
    (1, {"loss": "lcl", "weighting": "shared"}),
    # three batches per validation: a checkpoint in the middle of an epoch has the gradients of half an update
    *((stop, {"loss": loss, **HALF_UPDATES}) for loss in ("ce", "lcl") for stop in (1, 2, 3)),
    (1, {"loss": "ce", "precision": "bf16", "validations_per_epoch": 2}),
    # in the middle of the first phase, between the two, and in the middle of the second
    *((stop, {"loss": "scl_two_phase", "contrastive_epochs": 2, "views": 2}) for stop in (1, 2, 3)),
    (2, {"loss": "scl_two_phase", "contrastive_epochs": 1, "pooling": "flatten"}),
    (1, {"loss": "scl_set_tau", "pooling": "mean", "class_weights": "balanced", "freeze_embeddings": True}),
]


@pytest.fixture(scope="module")
def small_data() -> TrainingData:
    return tiny_training.data(rows=48)


@pytest.mark.parametrize(("stop", "overrides"), CASES)
def test_an_interrupted_training_continues_with_the_same_numbers(
    small_data: TrainingData, tmp_path: Path, stop: int, overrides: dict[str, Any]
) -> None:
    config, checkpoint_path = tiny_training.config(batch_size=8, warmup=0.2, **overrides), tmp_path / "checkpoint.pt"
    reports = train(config, small_data, checkpoint_path)
    before = list(islice(reports, stop))
    reports.close()
    torch.rand(5)
    after = list(train(config, small_data, checkpoint_path))
    assert after[:stop] == before  # earlier reports are repeated unchanged, with their speed
    assert tiny_training.without_timing(after) == tiny_training.without_timing(train(config, small_data, None))


def test_a_training_interrupted_at_every_report_gives_the_same_numbers(
    small_data: TrainingData, tmp_path: Path
) -> None:
    config, checkpoint_path = tiny_training.config(validations_per_epoch=2), tmp_path / "checkpoint.pt"
    expected = tiny_training.without_timing(train(config, small_data, None))
    for step in range(1, config.num_validations + 1):
        reports = train(config, small_data, checkpoint_path)
        interrupted_reports = list(islice(reports, step))
        reports.close()
    assert tiny_training.without_timing(interrupted_reports) == expected


def test_an_interruption_between_two_checkpoints_repeats_the_same_numbers(
    small_data: TrainingData, tmp_path: Path
) -> None:
    config, checkpoint_path, copied_path = tiny_training.config(), tmp_path / "checkpoint.pt", tmp_path / "copy.pt"
    reports = train(config, small_data, checkpoint_path)
    next(reports)
    copied_path.hardlink_to(checkpoint_path)
    rest = list(reports)  # what a killed worker trained after its last checkpoint is trained again
    assert tiny_training.without_timing(train(config, small_data, copied_path))[1:] == tiny_training.without_timing(
        rest
    )


def test_a_finished_training_yields_its_reports_again_and_no_more(small_data: TrainingData, tmp_path: Path) -> None:
    config, checkpoint_path = tiny_training.config(), tmp_path / "checkpoint.pt"
    expected = list(train(config, small_data, checkpoint_path))
    before = checkpoint_path.read_bytes()
    assert list(train(config, small_data, checkpoint_path)) == expected
    assert checkpoint_path.read_bytes() == before


def test_a_checkpoint_path_does_not_change_the_training(small_data: TrainingData, tmp_path: Path) -> None:
    config = tiny_training.config()
    assert tiny_training.without_timing(
        train(config, small_data, tmp_path / "checkpoint.pt")
    ) == tiny_training.without_timing(train(config, small_data, None))


def test_without_a_checkpoint_path_nothing_is_written(
    small_data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    list(train(tiny_training.config(), small_data, None))
    assert list(tmp_path.iterdir()) == []
