"""Continuing from a checkpoint gives exactly the numbers of a training that never stopped."""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.training.trainer import train
from sweeper.training.types import TrainingData
from tests.support import tiny_training

HALVES: dict[str, Any] = {"accumulate": 2, "validations_per_epoch": 2}

WAYS: list[tuple[int, dict[str, Any]]] = [
    (1, {"loss": "ce"}),
    (1, {"loss": "scl"}),
    (1, {"loss": "lcl"}),
    (1, {"loss": "lcl", "weighting": "shared"}),
    # three batches to a validation: a checkpoint in the middle of an epoch has the gradient of half an update
    *((stop, {"loss": loss, **HALVES}) for loss in ("ce", "lcl") for stop in (1, 2, 3)),
    (1, {"loss": "ce", "precision": "bf16", "validations_per_epoch": 2}),
    # in the middle of the first phase, between the two, and in the middle of the second
    *((stop, {"loss": "scl_two_phase", "contrastive_epochs": 2, "views": 2}) for stop in (1, 2, 3)),
    (2, {"loss": "scl_two_phase", "contrastive_epochs": 1, "pooling": "flatten"}),
    (1, {"loss": "scl_set_tau", "pooling": "mean", "class_weights": "balanced", "freeze_embeddings": True}),
]


@pytest.fixture(scope="module")
def few() -> TrainingData:
    return tiny_training.data(rows=48)


@pytest.mark.parametrize(("stop", "way"), WAYS)
def test_an_interrupted_training_continues_with_the_same_numbers(
    few: TrainingData, tmp_path: Path, stop: int, way: dict[str, Any]
) -> None:
    config, saved = tiny_training.config(batch_size=8, warmup=0.2, **way), tmp_path / "checkpoint.pt"
    reports = train(config, few, saved)
    before = list(islice(reports, stop))
    reports.close()
    torch.rand(5)
    after = list(train(config, few, saved))
    assert after[:stop] == before  # what was reported comes again as it was, its speed too
    assert tiny_training.figures(after) == tiny_training.figures(train(config, few, None))


def test_a_training_interrupted_at_every_report_gives_the_same_numbers(few: TrainingData, tmp_path: Path) -> None:
    config, saved = tiny_training.config(validations_per_epoch=2), tmp_path / "checkpoint.pt"
    whole = tiny_training.figures(train(config, few, None))
    for step in range(1, config.num_validations + 1):
        reports = train(config, few, saved)
        found = list(islice(reports, step))
        reports.close()
    assert tiny_training.figures(found) == whole


def test_an_interruption_between_two_checkpoints_repeats_the_same_numbers(few: TrainingData, tmp_path: Path) -> None:
    config, saved, kept = tiny_training.config(), tmp_path / "checkpoint.pt", tmp_path / "kept.pt"
    reports = train(config, few, saved)
    next(reports)
    kept.hardlink_to(saved)
    rest = list(reports)  # what a killed worker did after its last checkpoint is done again
    assert tiny_training.figures(train(config, few, kept))[1:] == tiny_training.figures(rest)


def test_a_finished_training_yields_its_reports_again_and_no_more(few: TrainingData, tmp_path: Path) -> None:
    config, saved = tiny_training.config(), tmp_path / "checkpoint.pt"
    whole = list(train(config, few, saved))
    before = saved.read_bytes()
    assert list(train(config, few, saved)) == whole
    assert saved.read_bytes() == before


def test_a_checkpoint_path_does_not_change_the_training(few: TrainingData, tmp_path: Path) -> None:
    config = tiny_training.config()
    assert tiny_training.figures(train(config, few, tmp_path / "checkpoint.pt")) == tiny_training.figures(
        train(config, few, None)
    )


def test_without_a_checkpoint_path_nothing_is_written(few: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    list(train(tiny_training.config(), few, None))
    assert list(tmp_path.iterdir()) == []
