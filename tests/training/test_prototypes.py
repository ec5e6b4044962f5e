"""The loss with prototypes, against loops in float64, and prototypes as weights of a training."""

import math
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from sweeper.training import checkpoint, export, losses
from sweeper.training.evaluation import evaluate
from sweeper.training.model import Classifier, ClassifierOutput
from sweeper.training.optimizer import is_decayed
from sweeper.training.trained_model import load_full_model
from sweeper.training.trainer import train
from sweeper.training.training_loss import TrainingLoss
from sweeper.training.training_setup import prepare_training
from sweeper.training.types import TrainingData
from tests.support import tiny_training

CLASSES = 4
BATCHES = [[0], [3, 3], [0, 1, 2, 3], [1, 1, 1, 1], [0, 0, 1, 1, 2], [0, 1, 0, 1, 1, 3, 0, 0], [2, 0, 1, 3, 1]]
SCALES = [(True, 0.05), (True, 0.3), (True, 10.0), (False, 1.0), (False, 10.0), (False, 1000.0)]


class Case(NamedTuple):
    """Features (B, 6), labels, and prototypes (4, 6)."""

    features: Tensor
    labels: list[int]
    prototypes: Tensor


def case(labels: list[int], *, norm: float = 3.0, classes: int = CLASSES) -> Case:
    """Random features and prototypes of about this norm."""
    generator = torch.Generator().manual_seed(len(labels))
    features, prototypes = (
        torch.randn(count, 6, generator=generator) * norm / math.sqrt(6) for count in (len(labels), classes)
    )
    return Case(features, labels, prototypes)


def training_loss(prototypes: Tensor, **hyperparameters: Any) -> TrainingLoss:
    return TrainingLoss(tiny_training.config(loss="prototypes", **hyperparameters), None, prototypes=prototypes)


def term(loss: TrainingLoss, features: Tensor, labels: list[int]) -> Tensor:
    outputs = ClassifierOutput(features, torch.zeros(len(labels), CLASSES), None)
    return loss.contrastive_components(outputs, torch.tensor(labels))["train/contrastive"]


def naive(h: Tensor, y: list[int], c: Tensor, tau: float, queue: list[tuple[Tensor, int]] | None = None) -> Tensor:
    """The mean of l_i, anchor by anchor and class by class, for features that are compared as they are."""
    values = []
    for i in range(len(y)):
        others = (
            [(h[k], y[k]) for k in range(len(y)) if k != i] + (queue or []) + list(zip(c, range(len(c)), strict=True))
        )
        denominator = torch.zeros((), dtype=torch.float64)
        for label in range(len(c)):
            of_class = [(h[i] @ other / tau).exp() for other, other_label in others if other_label == label]
            denominator = denominator + sum(of_class, torch.zeros(())) / len(of_class)
        positives = [other for other, other_label in others if other_label == y[i]]
        values.append(-sum(((h[i] @ p / tau).exp() / denominator).log() for p in positives) / len(positives))
    return torch.stack(values).mean()


def unit(rows: Tensor) -> Tensor:
    return torch.stack([row / row.norm() for row in rows])


def assert_gradients_equal(value: Tensor, leaves: list[Tensor], exact_value: Tensor, exact: list[Tensor]) -> None:
    torch.testing.assert_close(value.double(), exact_value, rtol=1e-4, atol=1e-5)
    pairs = zip(torch.autograd.grad(value, leaves), torch.autograd.grad(exact_value, exact), strict=True)
    for gradient, expected in pairs:
        torch.testing.assert_close(gradient.double(), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("labels", BATCHES, ids=str)
@pytest.mark.parametrize(("normalize", "tau"), SCALES)
def test_values_and_gradients_equal_those_of_the_loops(labels: list[int], normalize: bool, tau: float) -> None:
    features, _, prototypes = case(labels)
    exact = [part.double().requires_grad_() for part in (features, prototypes)]
    h, c = (unit(part) if normalize else part for part in exact)
    leaves = [part.requires_grad_() for part in (features, prototypes)]
    value = term(training_loss(leaves[1], tau=tau, normalize=normalize), leaves[0], labels)
    assert_gradients_equal(value, leaves, naive(h, labels, c, tau), exact)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_texts_in_memory_are_further_texts_of_their_class(size: int) -> None:
    batches = [case([0, 1, 2, 1]), case([2, 2, 0, 3, 3]), case([1])]
    prototypes = batches[0].prototypes.requires_grad_()
    exact_prototypes = prototypes.detach().double().requires_grad_()
    loss = training_loss(prototypes, tau=0.5, memory=size)
    queue: list[tuple[Tensor, int]] = []
    for features, labels, _ in batches:
        exact = features.double().requires_grad_()
        h = unit(exact)
        expected = naive(h, labels, unit(exact_prototypes), 0.5, queue)
        value = term(loss, features.requires_grad_(), labels)
        assert_gradients_equal(value, [features, prototypes], expected, [exact, exact_prototypes])
        queue = (queue + [(row.detach(), label) for row, label in zip(h, labels, strict=True)])[-size:]


@pytest.mark.parametrize("normalize", [True, False])
def test_gradients_pass_gradcheck(normalize: bool) -> None:
    features, labels, prototypes = case([0, 1, 0, 1, 0, 2])
    exact = [part.double().requires_grad_() for part in (features, prototypes)]
    assert torch.autograd.gradcheck(lambda h, c: term(training_loss(c, tau=0.7, normalize=normalize), h, labels), exact)


def test_an_example_computed_by_hand() -> None:
    # Raw features, tau 1, two classes with the prototypes (1, 0) and (0, 1).
    # Texts: (1, 0) and (2, 0) of class 0, (0, 1) of class 1.
    # Anchor (1, 0): positives (2, 0) and (1, 0): s = 2, 1; of class 1 (0, 1) twice: s = 0, mean e^0 = 1.
    #   log((e^2 + e) / 2 + 1) - 3/2 = 1.8007 - 1.5 = 0.3007
    # Anchor (2, 0): positives (1, 0) twice: s = 2; class 1: 1. log(e^2 + 1) - 2 = 0.1269
    # Anchor (0, 1): positive (0, 1): s = 1; class 0: s = 0 for all three. log(e + 1) - 1 = 0.3133
    features = torch.tensor([[1.0, 0], [2, 0], [0, 1]])
    loss = training_loss(torch.eye(2), tau=1.0, normalize=False, reduction="sum")
    assert term(loss, features, [0, 0, 1]).item() == pytest.approx(0.3007 + 0.1269 + 0.3133, abs=2e-4)


def test_a_single_text_is_classified_by_the_softmax_over_prototypes() -> None:
    features, labels, prototypes = case([2])
    logits = unit(features) @ unit(prototypes).T / 0.3
    value = term(training_loss(prototypes, tau=0.3), features, labels)
    torch.testing.assert_close(value, functional.cross_entropy(logits, torch.tensor(labels)))


def test_a_class_with_many_texts_weighs_as_one_with_few() -> None:
    features, _, prototypes = case([0, 1, 1])
    values = []
    for copies in (1, 9):
        texts = torch.cat([features, features[2:].repeat(copies - 1, 1)])
        labels = torch.tensor([0, 1, *[3] * copies])
        similarity = losses.similarity_matrix(texts, 0.3, normalize=True, others=[prototypes[:3]])
        anchor_losses = losses.class_averaged_contrastive(similarity, torch.cat([labels, torch.tensor([0, 1, 2])]))
        values.append(anchor_losses.values[:2])
    torch.testing.assert_close(values[0], values[1])


def test_every_anchor_has_a_positive() -> None:
    features, labels, prototypes = case([0, 1, 2, 3])
    outputs = ClassifierOutput(features, torch.zeros(4, CLASSES), None)
    components = training_loss(prototypes).components(outputs, torch.tensor(labels))
    assert components.keys() == {"train/loss", "train/ce", "train/contrastive", "anchors/without_positive"}
    assert components["anchors/without_positive"] == 0
    half = (components["train/ce"] + components["train/contrastive"]) / 2
    torch.testing.assert_close(components["train/loss"], half)


@pytest.mark.parametrize("tau", [1e-3, 1e-1, 1.0, 1e2, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("kind", ["random", "identical", "zero", "zero prototypes", "one class"])
@pytest.mark.parametrize("labels", [[0], [0, 0, 0], [0, 1, 2, 3]], ids=str)
def test_values_and_gradients_are_finite_in_degenerate_cases(
    labels: list[int], kind: str, normalize: bool, dtype: torch.dtype, tau: float
) -> None:
    if kind == "one class":
        labels = [0] * len(labels)
    features, _, prototypes = case(labels, norm=20.0, classes=1 if kind == "one class" else CLASSES)
    if kind in ("identical", "zero"):
        features = features[:1].repeat(len(labels), 1) * (kind == "identical")
    prototypes = (prototypes * (kind != "zero prototypes")).requires_grad_()
    leaf = features.to(dtype).requires_grad_()
    value = term(training_loss(prototypes, tau=tau, normalize=normalize), leaf, labels)
    torch.autograd.backward(value)
    assert value.dtype == torch.float32
    for result in (value, leaf.grad, prototypes.grad):
        assert result is not None
        assert result.isfinite().all()


# ---- prototypes are weights of the model


def test_prototypes_are_as_wide_as_the_features_and_are_trained(data: TrainingData) -> None:
    for hyperparameters, width in (({}, 32), ({"pooling": "flatten", "max_length": 6}, 6 * 32)):
        config = tiny_training.config(loss="prototypes", classifier="mlp", **hyperparameters)
        setup = prepare_training(config, data)
        assert setup.model.prototypes is not None
        assert setup.model.prototypes.shape == (3, width)
        assert setup.loss.prototypes is setup.model.prototypes
    assert Classifier(tiny_training.config(loss="scl"), data).prototypes is None


def test_prototypes_have_the_learning_rate_and_the_decay_of_the_classifier(data: TrainingData) -> None:
    model = Classifier(tiny_training.config(loss="prototypes", layer_decay=0.5), data)
    factors = model.learning_rate_factors(0.5)
    assert factors["prototypes"] == factors["classifier.output.weight"] == 1
    assert is_decayed("prototypes")
    assert is_decayed("classifier.output.weight")


def test_a_training_moves_texts_to_their_prototypes(data: TrainingData) -> None:
    config = tiny_training.config(loss="prototypes", epochs=5, alpha=0.1, batch_size=8)
    reports = list(train(config, data))
    assert reports[-1].metrics["train/contrastive"] < 0.5 * reports[0].metrics["train/contrastive"]
    assert reports[-1].metrics["validation/accuracy"] > 0.6
    assert {report.metrics["anchors/without_positive"] for report in reports} == {0}


CASES: list[dict[str, Any]] = [
    {},
    {"memory": 10, "average": "ema", "views": 2},
    {"lora": 2, "consistency": 0.5, "accumulate": 2, "gradient_cache": True},
    {"average": "soup", "layer_decay": 0.9, "reinit_layers": 1, "texts_per_class": 2, "precision": "bf16"},
]


@pytest.mark.parametrize("hyperparameters", CASES, ids=str)
def test_an_interrupted_training_continues_with_the_same_numbers_and_prototypes(
    hyperparameters: dict[str, Any], tmp_path: Path
) -> None:
    if "lora" in hyperparameters:
        pytest.importorskip("peft")
    data = tiny_training.data(rows=12)
    config = tiny_training.config(loss="prototypes", batch_size=4, **hyperparameters)
    expected = tiny_training.without_timing(train(config, data, tmp_path / "whole.pt"))
    reports = train(config, data, tmp_path / "parts.pt")
    list(islice(reports, 1))
    reports.close()
    assert tiny_training.without_timing(train(config, data, tmp_path / "parts.pt")) == expected
    whole, parts = (checkpoint.load_checkpoint(tmp_path / name)["model"] for name in ("whole.pt", "parts.pt"))
    assert torch.equal(whole["prototypes"], parts["prototypes"])
    first = prepare_training(config, data).model.prototypes
    assert first is not None
    assert not torch.equal(whole["prototypes"], first.detach())


@pytest.mark.parametrize("average", ["last", "ema"])
@pytest.mark.parametrize("lora", [0, 2])
def test_an_exported_model_has_no_prototypes_and_scores_as_it_was_trained(
    lora: int, average: str, tmp_path: Path, data: TrainingData
) -> None:
    if lora:
        pytest.importorskip("peft")
    config, path = tiny_training.config(loss="prototypes", lora=lora, average=average), tmp_path / "checkpoint.pt"
    list(train(config, data, path))
    export.write_model(path, config, data, tmp_path / "exported")
    expected = evaluate(load_full_model(checkpoint.load_checkpoint(path), config, data), data, "test", config).metrics
    found = export.evaluate_exported(tmp_path / "exported", config, data, "test")
    assert {name: found[name] for name in expected} == pytest.approx(
        expected, rel=1e-5 if lora else 0, abs=0
    )  # merging rounds
    assert load_file(tmp_path / "exported" / "classifier.safetensors").keys() == {"output.weight", "output.bias"}
    assert not any("prototypes" in name for name in load_file(tmp_path / "exported" / "encoder" / "model.safetensors"))
