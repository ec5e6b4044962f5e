"""In fp16, an update whose gradients overflow is skipped, for the word embeddings that were left out too."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sweeper.training import checkpoint
from sweeper.training.best_model import best_model_path
from sweeper.training.embedding_rows import searched_tokens
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.optimizer import Optimizer
from sweeper.training.trained_model import load_full_model
from sweeper.training.training_run import TrainingRun
from sweeper.training.types import TrainingData
from tests.support import tiny_training

OBJECTIVE = ObjectiveMetric(maximize="validation/accuracy")
OVERFLOWING = 2.0**36  # the scale that fits is below 2**20, so a scaler that halves it skips many updates


def few_words() -> TrainingData:
    """Texts that lack most of the vocabulary."""
    data = tiny_training.data(rows=96)
    shifted = {name: replace(split, tokens=split.tokens.clip(max=20)) for name, split in data.splits.items()}
    return replace(data, splits=shifted)


def config(**hyperparameters: Any) -> Any:
    values = {"batch_size": 4, "weight_decay": 5.0, "warmup": 0.1, **hyperparameters}
    return tiny_training.config(**values)


def train_in_fp16(run: TrainingRun, path: Path, *, reports: int | None = None) -> None:
    """Train on the CPU as on a GPU in fp16, with a scale that is too large at first; stop after some reports."""
    run.setup = replace(run.setup, precision="fp16")
    for event in run.events(path):
        trainer = run.phase_trainer
        if trainer is not None and trainer.optimizer.completed_updates == 1:
            trainer.optimizer.scaler = torch.amp.GradScaler("cpu", init_scale=OVERFLOWING)
        del event
        if reports is not None and len(run.reports) == reports:
            break


def left_out(data: TrainingData) -> Tensor:
    kept = torch.from_numpy(searched_tokens(data))
    return ~torch.isin(torch.arange(len(data.encoder.weights["embeddings.word_embeddings.weight"])), kept)


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {},
        {"loss": "scl_two_phase", "contrastive_epochs": 2},
        {"accumulate": 2},
        {"average": "ema", "ema_decay": 0.8},
        {"average": "soup"},
    ],
)
def test_a_skipped_update_does_not_decay_embeddings_that_are_left_out(
    hyperparameters: dict[str, Any], tmp_path: Path
) -> None:
    data, setting = few_words(), config(**hyperparameters)
    states = []
    for all_tokens in (True, False):
        path = tmp_path / str(all_tokens) / "checkpoint-1.pt"
        train_in_fp16(TrainingRun(setting, data, OBJECTIVE, all_tokens=all_tokens), path)
        states.append((checkpoint.load_checkpoint(path), checkpoint.load_checkpoint(best_model_path(path))))
    for full, trimmed in zip(*states, strict=True):
        assert len(trimmed["skipped_updates"]) >= 8
        expected, weights = (load_full_model(state, setting, data).state_dict() for state in (full, trimmed))
        assert left_out(data).sum() > 50
        assert [name for name, tensor in expected.items() if not torch.equal(tensor, weights[name])] == []


def test_a_resumed_training_knows_the_updates_that_were_skipped_before(tmp_path: Path) -> None:
    data, setting = few_words(), config(epochs=3)
    whole, interrupted = tmp_path / "whole.pt", tmp_path / "interrupted.pt"
    train_in_fp16(TrainingRun(setting, data, None), whole)
    train_in_fp16(TrainingRun(setting, data, None), interrupted, reports=1)
    train_in_fp16(TrainingRun(setting, data, None), interrupted)
    states = [checkpoint.load_checkpoint(path) for path in (whole, interrupted)]
    assert states[0]["skipped_updates"] == states[1]["skipped_updates"] != []


@pytest.mark.parametrize("overflowing", [(), (0,), (1, 2), (0, 3)])
def test_the_optimizer_names_the_updates_that_were_skipped(overflowing: tuple[int, ...]) -> None:
    module = torch.nn.Linear(2, 1)
    optimizer = Optimizer(config(), module, 1e-3, 4, "fp16", torch.device("cpu"))
    for update in range(4):
        factor = torch.inf if update in overflowing else 1.0
        optimizer.backward(module(torch.ones(1, 2)).sum() * factor)
        optimizer.update()
        if update == 1:
            assert optimizer.skipped_updates() == [number for number in overflowing if number < 2]
    assert optimizer.skipped_updates() == list(overflowing)
