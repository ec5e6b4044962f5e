"""One optimizer step: learning rate, weight decay, clipping, and accumulated gradients."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sweeper.training import checkpoint
from sweeper.training.phase_trainer import PhaseTrainer
from sweeper.training.phases import phase_of_epoch
from sweeper.training.trained_model import load_full_model
from sweeper.training.trainer import train
from sweeper.training.training_setup import prepare_training
from sweeper.training.types import TrainingData
from tests.support import tiny_training


@pytest.fixture(scope="module")
def uniform_data() -> TrainingData:
    """Texts of one length and an encoder without dropout: a batch can be divided without changing its gradient."""
    return tiny_training.data(rows=16, lengths=(10, 10), dropout=0.0)


def learning_rates(data: TrainingData, batches: int, **hyperparameters: Any) -> list[float]:
    """The learning rate of every batch of two epochs, as shares of the peak; NaN before the first update."""
    config = tiny_training.config(learning_rate=1e-9, validations_per_epoch=batches, **hyperparameters)
    return [report.metrics.get("learning_rate", math.nan) / config.learning_rate for report in train(config, data)]


def state_after_one_epoch(data: TrainingData, path: Path, **hyperparameters: Any) -> dict[str, Any]:
    """The checkpoint after one epoch of one update, unless `hyperparameters` say otherwise."""
    defaults = {"epochs": 1, "batch_size": len(data.splits["train"])}
    list(train(tiny_training.config(**{**defaults, **hyperparameters}), data, path))
    return checkpoint.load_checkpoint(path)


def weights_after_one_epoch(data: TrainingData, path: Path, **hyperparameters: Any) -> dict[str, Tensor]:
    """All weights of the model after one epoch of one update."""
    values = {"epochs": 1, "batch_size": len(data.splits["train"]), **hyperparameters}
    return load_full_model(
        state_after_one_epoch(data, path, **values), tiny_training.config(**values), data
    ).state_dict()


def running_mean(state: dict[str, Any]) -> Tensor:
    """AdamW's running mean of the gradients, m = 0.9 m + 0.1 gradient, of all weights in one row."""
    return torch.cat([values["exp_avg"].flatten() for values in state["optimizer"]["adamw"]["state"].values()])


def test_without_warmup_the_learning_rate_falls_linearly_from_its_peak_to_0(data: TrainingData) -> None:
    assert learning_rates(data, 4) == pytest.approx([1 - k / 8 for k in range(8)])


def test_the_learning_rate_rises_during_warmup_and_then_falls(data: TrainingData) -> None:
    assert learning_rates(data, 4, warmup=0.5) == pytest.approx([0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25])


def test_a_cosine_falls_from_its_peak_to_0(data: TrainingData) -> None:
    expected = [(1 + math.cos(math.pi * k / 8)) / 2 for k in range(8)]
    assert learning_rates(data, 4, schedule="cosine") == pytest.approx(expected)


def test_a_constant_learning_rate_stays_after_its_warmup(data: TrainingData) -> None:
    assert learning_rates(data, 4, schedule="constant", warmup=0.25) == pytest.approx([0, 0.5, *[1] * 6])


def test_almost_all_of_a_training_can_be_warmup(data: TrainingData) -> None:
    assert learning_rates(data, 4, warmup=0.99) == pytest.approx([k / 8 for k in range(8)])


def test_the_schedule_counts_updates_not_batches() -> None:
    # five batches per epoch in groups of two: two full groups and a single batch, six updates in two epochs
    rates_by_batch = learning_rates(tiny_training.data(rows=40), 5, batch_size=8, accumulate=2)
    updates = [1 - k / 6 for k in range(6)]
    assert math.isnan(rates_by_batch[0])
    assert [rates_by_batch[k] for k in (1, 3, 4, 6, 8, 9)] == pytest.approx(updates)
    assert rates_by_batch[2:6] == pytest.approx([updates[0], updates[1], updates[2], updates[2]])


@pytest.mark.parametrize("size", [8, 4, 2])
def test_accumulated_batches_make_the_update_of_one_large_batch(
    uniform_data: TrainingData, tmp_path: Path, size: int
) -> None:
    hyperparameters: dict[str, Any] = {"dropout": 0.0, "clip_norm": 1e9}
    large = state_after_one_epoch(uniform_data, tmp_path / "large.pt", **hyperparameters)
    small = state_after_one_epoch(
        uniform_data, tmp_path / "small.pt", batch_size=size, accumulate=16 // size, **hyperparameters
    )
    assert large["optimizer"]["completed_updates"] == small["optimizer"]["completed_updates"] == 1
    torch.testing.assert_close(running_mean(large), running_mean(small), rtol=1e-3, atol=1e-6)
    scores = [state["reports"][0]["metrics"] for state in (large, small)]
    assert scores[0]["train/loss"] == pytest.approx(scores[1]["train/loss"], rel=1e-5)


def test_the_last_incomplete_group_is_averaged_over_its_own_batches(uniform_data: TrainingData, tmp_path: Path) -> None:
    # of four batches, a group of three leaves one. With a learning rate near 0, all gradients are of the first weights
    hyperparameters: dict[str, Any] = {
        "dropout": 0.0,
        "clip_norm": 1e9,
        "learning_rate": 1e-12,
        "batch_size": 4,
        "epochs": 1,
    }
    path = tmp_path / "each.pt"
    means = [torch.zeros(())]
    for _ in train(tiny_training.config(validations_per_epoch=4, **hyperparameters), uniform_data, path):
        means.append(running_mean(checkpoint.load_checkpoint(path)))
    gradients = [10 * (after - 0.9 * before) for before, after in pairwise(means)]
    mean = running_mean(state_after_one_epoch(uniform_data, tmp_path / "groups.pt", accumulate=3, **hyperparameters))
    torch.testing.assert_close(
        mean, 0.1 * (0.9 * (gradients[0] + gradients[1] + gradients[2]) / 3 + gradients[3]), rtol=1e-3, atol=1e-6
    )


@pytest.mark.parametrize("largest", [1e-3, 0.1])
def test_the_gradient_is_clipped_to_clip_norm(uniform_data: TrainingData, tmp_path: Path, largest: float) -> None:
    state = state_after_one_epoch(uniform_data, tmp_path / "clipped.pt", clip_norm=largest)
    assert 10 * running_mean(state).norm().item() == pytest.approx(largest, rel=1e-3)


def test_biases_and_normalization_weights_do_not_decay(uniform_data: TrainingData, tmp_path: Path) -> None:
    learning_rate, decay = 1e-3, 50.0
    hyperparameters: dict[str, Any] = {"dropout": 0.0, "learning_rate": learning_rate}
    without = weights_after_one_epoch(uniform_data, tmp_path / "without.pt", weight_decay=0.0, **hyperparameters)
    decayed = weights_after_one_epoch(uniform_data, tmp_path / "decayed.pt", weight_decay=decay, **hyperparameters)
    for name, before in uniform_data.encoder.weights.items():
        if name.startswith("pooler"):
            continue  # not used, never trained
        decrease = (without[f"encoder.{name}"] - decayed[f"encoder.{name}"]).numpy()
        is_exempt = name.endswith("bias") or "LayerNorm" in name
        np.testing.assert_allclose(
            decrease, np.zeros_like(before) if is_exempt else learning_rate * decay * before, atol=1e-6
        )
    assert torch.equal(without["classifier.output.bias"], decayed["classifier.output.bias"])
    assert not torch.equal(without["classifier.output.weight"], decayed["classifier.output.weight"])


def test_an_update_moves_every_weight_that_is_used(uniform_data: TrainingData, tmp_path: Path) -> None:
    model = weights_after_one_epoch(uniform_data, tmp_path / "checkpoint.pt", loss="lcl")
    for module in ("encoder", "weighting_encoder"):
        for name, before in uniform_data.encoder.weights.items():
            assert name.startswith("pooler") == np.array_equal(model[f"{module}.{name}"].numpy(), before), name


def losses_of_an_epoch(data: TrainingData, *, clips_in_update: bool, **hyperparameters: Any) -> list[float]:
    """The loss of each batch of one epoch."""
    setup = prepare_training(tiny_training.config(**hyperparameters), data)
    trainer = PhaseTrainer(setup, phase_of_epoch(setup.config, 0))
    trainer.optimizer.clips_in_update = clips_in_update
    batches = np.arange(len(data.splits["train"])).reshape(-1, 8)
    return [trainer.train_batch(rows, k, len(batches))["train/loss"].item() for k, rows in enumerate(batches)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("clip_norm", [0.1, 1e9])
def test_clipping_in_the_update_gives_the_same_training(data: TrainingData, seed: int, clip_norm: float) -> None:
    inside, before = (
        losses_of_an_epoch(data, clips_in_update=clips_in_update, seed=seed, clip_norm=clip_norm)
        for clips_in_update in (True, False)
    )
    # below the limit nothing changes; above it, dividing by norm / limit is rounded unlike multiplying by limit / norm
    assert inside == (before if clip_norm == 1e9 else pytest.approx(before, rel=1e-5))
