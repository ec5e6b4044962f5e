"""The memory of past batches, against loops in float64 over a list of past features."""

from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from sweeper.training import checkpoint
from sweeper.training.feature_memory import FeatureMemory
from sweeper.training.model import ClassifierOutput
from sweeper.training.trainer import train
from sweeper.training.training_loss import TrainingLoss
from sweeper.training.types import TrainingData
from tests.support import tiny_training

NAMES = ["scl", "scl_set_tau", "lcl", "lcl_inside"]
LABELS = [[0, 1, 2, 1], [2, 2, 0], [1], [3, 3, 3, 0, 1], [0]]
TAU = 2.0


class Batch(NamedTuple):
    """Features (B, 6), labels, and the weighting network's logits (B, 4)."""

    features: Tensor
    labels: list[int]
    weighting: Tensor


def random_batches(labels: list[list[int]], scale: float = 1.5) -> list[Batch]:
    generator = torch.Generator().manual_seed(len(labels))
    return [
        Batch(
            scale * torch.randn(len(of_batch), 6, generator=generator),
            of_batch,
            torch.randn(len(of_batch), 4, generator=generator),
        )
        for of_batch in labels
    ]


def naive_loss(name: str, h: Tensor, label: int, weighting: Tensor, others: list[tuple[Tensor, int]]) -> list[Tensor]:
    """The loss of the anchor h, in a list; an empty list if none of the others has its label."""
    positives = sum(y == label for _, y in others)
    if not positives:
        return []
    w = torch.softmax(weighting, dim=0) if name.startswith("lcl") else torch.ones_like(weighting)
    tau = TAU * positives if name == "scl_set_tau" else TAU
    denominator = torch.stack([w[y] * (h @ other / tau).exp() for other, y in others]).sum()
    terms = [((h @ other / tau).exp() / denominator).log() for other, y in others if y == label]
    mean = torch.stack(terms).mean()
    return [{"lcl": -w[label] * mean, "lcl_inside": -(mean + w[label].log())}.get(name, -mean)]


def naive_losses(name: str, batches: list[Batch], size: int, *, normalize: bool) -> list[tuple[Tensor, list[Tensor]]]:
    """The contrastive term of each batch in turn, and its gradients by features and weighting logits."""
    queue: list[tuple[Tensor, int]] = []
    found = []
    for features, labels, weighting in batches:
        leaves = [features.double().requires_grad_(), weighting.double().requires_grad_()]
        h = [row / row.norm().clamp(min=1e-12) if normalize else row for row in leaves[0]]
        losses = [0 * (leaves[0].sum() + leaves[1].sum())]
        for i, label in enumerate(labels):
            others = [(h[k], y) for k, y in enumerate(labels) if k != i] + queue
            losses += naive_loss(name, h[i], label, leaves[1][i], others)
        total = torch.stack(losses).sum() / max(1, len(losses) - 1)
        found.append((total, list(torch.autograd.grad(total, leaves))))
        queue = (queue + [(row.detach(), y) for row, y in zip(h, labels, strict=True)])[-size:]
    return found


def losses_of(name: str, batches: list[Batch], size: int, *, normalize: bool) -> list[tuple[Tensor, list[Tensor]]]:
    """The same by the training's own loss."""
    loss = TrainingLoss(tiny_training.config(loss=name, memory=size, tau=TAU, normalize=normalize), None)
    found = []
    for features, labels, weighting in batches:
        leaves = [features.clone().requires_grad_(), weighting.clone().requires_grad_()]
        outputs = ClassifierOutput(leaves[0], torch.zeros(len(labels), 4), leaves[1])
        total = loss.contrastive_components(outputs, torch.tensor(labels))["train/contrastive"]
        gradients = torch.autograd.grad(total, leaves, allow_unused=True)
        pairs = zip(gradients, leaves, strict=True)
        found.append((total, [torch.zeros_like(leaf) if gradient is None else gradient for gradient, leaf in pairs]))
    return found


def assert_equal(name: str, batches: list[Batch], size: int, *, normalize: bool) -> None:
    expected = naive_losses(name, batches, size, normalize=normalize)
    for (loss, gradients), (value, exact) in zip(
        losses_of(name, batches, size, normalize=normalize), expected, strict=True
    ):
        torch.testing.assert_close(loss.double(), value, rtol=1e-5, atol=1e-6)
        for gradient, reference in zip(gradients, exact, strict=True):
            torch.testing.assert_close(gradient.double(), reference, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("size", [1, 3, 8, 1000])
@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_equal_those_of_the_loops(name: str, size: int, normalize: bool) -> None:
    assert_equal(name, random_batches(LABELS), size, normalize=normalize)


@pytest.mark.parametrize("labels", [[[1], [1], [1]], [[0], [1], [2]], [[2, 2], [2, 2]], [[0, 1], [0, 1]]], ids=str)
@pytest.mark.parametrize("kind", ["zero", "identical", "random"])
@pytest.mark.parametrize("name", NAMES)
def test_degenerate_batches_equal_the_loops(name: str, kind: str, labels: list[list[int]]) -> None:
    batches = random_batches(labels)
    if kind != "random":
        row = batches[0].features[:1] * (kind == "identical")
        batches = [batch._replace(features=row.repeat(len(batch.labels), 1)) for batch in batches]
    assert_equal(name, batches, 4, normalize=False)
    for loss, gradients in losses_of(name, batches, 4, normalize=True):
        assert loss.isfinite()
        assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_memory_changes_no_bit(name: str) -> None:
    (first, *_), (without, *_) = (losses_of(name, random_batches(LABELS), size, normalize=True) for size in (5, 0))
    assert torch.equal(first[0], without[0])
    assert all(torch.equal(gradient, other) for gradient, other in zip(first[1], without[1], strict=True))


def test_the_memory_is_a_queue_without_gradients() -> None:
    memory = FeatureMemory(5)
    for k in range(4):
        memory.add(torch.full((2, 3), float(k), dtype=torch.bfloat16, requires_grad=True), torch.tensor([k, k]))
    assert memory.features is not None
    assert memory.features[:, 0].tolist() == [1, 2, 2, 3, 3]
    assert memory.features.dtype == torch.float32
    assert not memory.features.requires_grad
    assert memory.with_labels(torch.tensor([9])).tolist() == [9, 1, 2, 2, 3, 3]
    memory.add(torch.arange(21.0).reshape(7, 3), torch.arange(7))
    assert memory.features[:, 0].tolist() == [6, 9, 12, 15, 18]
    assert memory.with_labels(torch.tensor([])).tolist() == [2, 3, 4, 5, 6]


def test_passes_that_the_contrastive_term_does_not_see_are_not_remembered() -> None:
    outputs = ClassifierOutput(torch.randn(8, 6), torch.zeros(8, 4), None)
    for views, remembered in ((1, 4), (2, 8)):
        loss = TrainingLoss(tiny_training.config(loss="scl", memory=100, views=views, consistency=1.0), None)
        loss.components(outputs, torch.tensor([0, 1, 2, 3]).repeat(2))
        assert loss.memory.features is not None
        assert torch.equal(loss.memory.features, outputs.features[:remembered])


def test_a_memory_gives_anchors_positives(data: TrainingData) -> None:
    shares = {}
    for size in (0, 40):
        config = tiny_training.config(loss="scl", batch_size=2, memory=size)
        shares[size] = [report.metrics["anchors/without_positive"] for report in train(config, data)]
    assert shares[0][1] > 0.4
    assert shares[40][1] == 0


CASES: list[dict[str, Any]] = [
    {"loss": "scl", "memory": 10},
    {"loss": "lcl", "memory": 1000, "accumulate": 2, "validations_per_epoch": 2, "average": "ema"},
    {"loss": "scl_two_phase", "memory": 20, "views": 2, "contrastive_epochs": 2},
]


@pytest.mark.parametrize("hyperparameters", CASES, ids=str)
def test_interrupted_at_every_validation_a_training_gives_the_same_numbers(
    hyperparameters: dict[str, Any], data: TrainingData, tmp_path: Path
) -> None:
    config, path = tiny_training.config(batch_size=8, **hyperparameters), tmp_path / "checkpoint.pt"
    expected = tiny_training.without_timing(train(config, data))
    assert expected != tiny_training.without_timing(train(config.model_copy(update={"memory": 0}), data))
    for stop in range(1, config.num_validations + 1):
        reports = train(config, data, path)
        found = tiny_training.without_timing(islice(reports, stop))
        reports.close()
    assert found == expected
    remembered = checkpoint.load_checkpoint(path)["memory"]["features"]
    assert len(remembered) == min(config.memory, 2 * 64 * config.views)
