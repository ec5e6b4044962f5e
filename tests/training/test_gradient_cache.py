"""A gradient cache gives the gradient of one large batch, with the same dropout."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sweeper.training.batching import bucketed_batches, collate
from sweeper.training.config import TrainConfig
from sweeper.training.model import ClassifierOutput
from sweeper.training.phase_trainer import PhaseTrainer
from sweeper.training.phases import phase_of_epoch
from sweeper.training.trainer import train
from sweeper.training.training_setup import TrainingSetup, prepare_training
from sweeper.training.types import TrainingData
from tests.support import tiny_training

Gradients = dict[str, Tensor]


@contextmanager
def prepared(config: TrainConfig, data: TrainingData) -> Iterator[TrainingSetup]:
    with torch.random.fork_rng(devices=[]):
        setup = prepare_training(config, data)
        setup.model.train()
        yield setup


def outputs_in_one_graph(setup: TrainingSetup, rows: list[Any]) -> tuple[ClassifierOutput, Tensor]:
    """The outputs of all texts with their labels, first those of the first pass, with the graphs of all chunks."""
    config, outputs, labels = setup.config, [], []
    for chunk in rows:
        batch = collate(setup.split, chunk, config.max_length, setup.data.encoder.padding).repeat(config.passes)
        outputs.append(setup.model(batch))
        labels.append(batch.labels)

    def join(parts: Any) -> Tensor:
        return torch.cat([part.chunk(config.passes)[k] for k in range(config.passes) for part in parts])

    joined = [None if parts[0] is None else join(parts) for parts in zip(*outputs, strict=True)]
    return ClassifierOutput(*joined), join(labels)  # type: ignore[arg-type]


def gradients_of(setup: TrainingSetup) -> Gradients:
    return {name: part.grad.clone() for name, part in setup.model.named_parameters() if part.grad is not None}


def cached(config: TrainConfig, data: TrainingData, rows: list[Any]) -> tuple[float, Gradients, Tensor]:
    """The loss of one update, its gradients, and the random numbers after it."""
    found: list[Gradients] = []
    with prepared(config, data) as setup:
        trainer = PhaseTrainer(setup, phase_of_epoch(config, 0))
        trainer.optimizer.update = lambda: found.append(gradients_of(setup))  # type: ignore[method-assign]
        reported = [trainer.train(rows, index) for index in range(len(rows))]
        assert reported[:-1] == [{}] * (len(rows) - 1)
        return reported[-1]["train/loss"].item(), found[0], torch.get_rng_state()


def in_one_graph(config: TrainConfig, data: TrainingData, rows: list[Any]) -> tuple[float, Gradients, Tensor]:
    with prepared(config, data) as setup:
        outputs, labels = outputs_in_one_graph(setup, rows)
        is_contrastive = phase_of_epoch(config, 0).kind == "contrastive"
        loss = setup.loss.contrastive_components if is_contrastive else setup.loss.components
        total = loss(outputs, labels)["train/contrastive" if is_contrastive else "train/loss"]
        torch.autograd.backward(total)
        return total.item(), gradients_of(setup), torch.get_rng_state()


CASES: list[dict[str, Any]] = [
    {"loss": "scl"},
    {"loss": "scl", "views": 2, "normalize": False, "tau": 10.0, "reduction": "sum"},
    {"loss": "scl_set_tau", "pooling": "mean", "texts_per_class": 2},
    {"loss": "scl_two_phase", "views": 2},
    {"loss": "lcl", "consistency": 0.5, "class_weights": "balanced", "label_smoothing": 0.1},
    {"loss": "lcl", "weighting": "shared", "alpha": 0.0, "memory": 5},
    {"loss": "lcl_inside", "detach_weights": True, "classifier": "mlp", "dropout": 0.5},
    {"loss": "scl", "freeze_embeddings": True},
    {"loss": "prototypes", "memory": 9, "views": 2},
]


@pytest.mark.parametrize("rows", [64, 30])  # the last chunk of 30 texts is smaller
@pytest.mark.parametrize("hyperparameters", CASES, ids=str)
def test_gradients_equal_those_of_one_graph(hyperparameters: dict[str, Any], rows: int) -> None:
    data = tiny_training.data(rows=rows)
    config = tiny_training.config(batch_size=8, accumulate=8, gradient_cache=True, **hyperparameters)
    chunks = bucketed_batches(data.splits["train"], 8, 32, seed=0, epoch=0, texts_per_class=config.texts_per_class)
    loss, gradients, random = cached(config, data, chunks)
    expected_loss, expected, expected_random = in_one_graph(config, data, chunks)
    assert loss == expected_loss
    assert gradients.keys() == expected.keys()
    largest = max(float(gradient.abs().max()) for gradient in expected.values())
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-5, atol=1e-6 * largest, msg=name)
    assert torch.equal(random, expected_random)  # dropout goes on as after one forward pass


def test_without_dropout_the_gradients_are_those_of_one_batch() -> None:
    data = tiny_training.data(rows=32, dropout=0.0, lengths=(9, 9))
    hyperparameters: dict[str, Any] = {"loss": "lcl", "dropout": 0.0, "gradient_cache": True}
    chunks = bucketed_batches(data.splits["train"], 4, 32, seed=0, epoch=0)
    small = tiny_training.config(batch_size=4, accumulate=8, **hyperparameters)
    large = tiny_training.config(batch_size=32, **hyperparameters)
    loss, gradients, _ = cached(small, data, chunks)
    expected_loss, expected, _ = in_one_graph(large, data, [torch.cat([torch.from_numpy(c) for c in chunks]).numpy()])
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for name, gradient in expected.items():
        torch.testing.assert_close(gradients[name], gradient, rtol=1e-3, atol=1e-5, msg=name)


def test_anchors_are_compared_with_all_texts_of_an_update(data: TrainingData) -> None:
    shares = []
    for gradient_cache in (False, True):
        config = tiny_training.config(loss="scl", batch_size=2, accumulate=16, gradient_cache=gradient_cache, epochs=1)
        (report,) = train(config, data)
        shares.append(report.metrics["anchors/without_positive"])
    assert shares[0] > 0.4
    assert shares[1] == 0


@pytest.mark.parametrize("hyperparameters", [{"loss": "ce", "accumulate": 4}, {"loss": "scl", "accumulate": 1}])
def test_without_other_texts_to_compare_a_cache_changes_nothing(
    hyperparameters: dict[str, Any], data: TrainingData
) -> None:
    expected, found = (
        tiny_training.without_timing(train(tiny_training.config(gradient_cache=cache, **hyperparameters), data))
        for cache in (False, True)
    )
    assert found == expected


@pytest.mark.parametrize(
    "hyperparameters",
    [{"loss": "lcl", "memory": 12}, {"loss": "scl_two_phase", "contrastive_epochs": 1, "views": 2}],
    ids=str,
)
def test_interrupted_between_updates_a_training_gives_the_same_numbers(
    hyperparameters: dict[str, Any], data: TrainingData, tmp_path: Path
) -> None:
    values = {"batch_size": 8, "accumulate": 3, "gradient_cache": True, "validations_per_epoch": 4, **hyperparameters}
    config, path = tiny_training.config(**values), tmp_path / "checkpoint.pt"  # 8 batches, validations after 2, 4, 6, 8
    expected = tiny_training.without_timing(train(config, data))
    for stop in range(1, config.num_validations + 1):
        reports = train(config, data, path)
        found = tiny_training.without_timing(islice(reports, stop))
        reports.close()
        torch.rand(3)
    assert found == expected
