"""The total loss and its components."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from sweeper.training import batching, losses, training_loss
from sweeper.training.config import TrainConfig
from sweeper.training.model import Classifier, ClassifierOutput
from sweeper.training.types import TrainingData
from tests.support import tiny_training

LABELS = torch.tensor([0, 1, 2, 0, 1])
SCL = {"train/loss", "train/ce", "train/contrastive", "anchors/without_positive"}


def components_of(config: TrainConfig, outputs: ClassifierOutput, labels: Tensor) -> dict[str, Tensor]:
    return training_loss.TrainingLoss(config, None).components(outputs, labels)


@pytest.fixture
def outputs() -> ClassifierOutput:
    generator = torch.Generator().manual_seed(0)
    features, logits, weighting = (torch.randn(5, width, generator=generator) for width in (8, 3, 3))
    return ClassifierOutput(features, logits, weighting)


def similarity(features: Tensor) -> Tensor:
    return losses.similarity_matrix(features, 0.3, normalize=True)


def test_the_total_of_ce_is_the_cross_entropy(outputs: ClassifierOutput) -> None:
    components = components_of(
        tiny_training.config(loss="ce", alpha=0.2), outputs._replace(weighting_logits=None), LABELS
    )
    assert set(components) == {"train/loss", "train/ce"}
    assert components["train/loss"] == components["train/ce"] == functional.cross_entropy(outputs.logits, LABELS)


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1.0])
def test_alpha_weighs_scl_against_the_cross_entropy(outputs: ClassifierOutput, alpha: float) -> None:
    components = components_of(
        tiny_training.config(loss="scl", alpha=alpha), outputs._replace(weighting_logits=None), LABELS
    )
    assert set(components) == SCL
    expected = losses.reduce(losses.supervised_contrastive(similarity(outputs.features), LABELS))
    assert components["train/contrastive"] == expected
    assert components["train/ce"] == functional.cross_entropy(outputs.logits, LABELS)
    assert components["train/loss"].item() == pytest.approx(
        alpha * components["train/ce"].item() + (1 - alpha) * expected.item()
    )


@pytest.mark.parametrize("alpha", [0.0, 0.2, 1.0])
def test_alpha_weighs_lcl_against_both_cross_entropies(outputs: ClassifierOutput, alpha: float) -> None:
    assert outputs.weighting_logits is not None
    components = components_of(tiny_training.config(loss="lcl", alpha=alpha), outputs, LABELS)
    assert set(components) == SCL | {"train/weighting_ce", "weights/true_class"}
    anchor_losses = losses.label_aware_contrastive(similarity(outputs.features), LABELS, outputs.weighting_logits)
    assert components["train/contrastive"] == losses.reduce(anchor_losses)
    assert components["train/weighting_ce"] == functional.cross_entropy(outputs.weighting_logits, LABELS)
    cross_entropies = components["train/ce"].item() + components["train/weighting_ce"].item()
    assert components["train/loss"].item() == pytest.approx(
        alpha * cross_entropies + (1 - alpha) * components["train/contrastive"].item()
    )
    weights = torch.softmax(outputs.weighting_logits, dim=-1).tolist()
    expected = sum(row[label] for row, label in zip(weights, LABELS.tolist(), strict=True)) / len(LABELS)
    assert components["weights/true_class"].item() == pytest.approx(expected)


def test_tau_and_normalize_change_the_contrastive_term(outputs: ClassifierOutput) -> None:
    def contrastive(**hyperparameters: Any) -> float:
        config = tiny_training.config(loss="scl", **hyperparameters)
        return components_of(config, outputs._replace(weighting_logits=None), LABELS)["train/contrastive"].item()

    values = {contrastive(tau=0.3), contrastive(tau=3.0), contrastive(tau=0.3, normalize=False)}
    assert len(values) == 3


def gradients_of_the_weighting(data: TrainingData, weighting: str) -> set[str]:
    """The modules that get gradients from the weighting network's logits."""
    config = tiny_training.config(loss="lcl", weighting=weighting)
    model = Classifier(config, data)
    split = data.splits["train"]
    batch = batching.collate(
        split, batching.bucketed_batches(split, 8, 32, seed=0, epoch=0)[0], 32, data.encoder.padding
    )
    logits = model(batch).weighting_logits
    torch.autograd.backward(functional.cross_entropy(logits, batch.labels))
    return {name.partition(".")[0] for name, parameter in model.named_parameters() if parameter.grad is not None}


def test_a_shared_weighting_network_is_a_head_on_the_encoder(data: TrainingData) -> None:
    assert gradients_of_the_weighting(data, "shared") == {"weighting", "encoder"}


def test_with_detached_weights_only_cross_entropy_trains_the_weighting_network(outputs: ClassifierOutput) -> None:
    assert outputs.weighting_logits is not None
    for detach in (True, False):
        logits = outputs.weighting_logits.clone().requires_grad_()
        components = components_of(
            tiny_training.config(loss="lcl", detach_weights=detach), outputs._replace(weighting_logits=logits), LABELS
        )
        assert components["train/contrastive"].requires_grad != detach
        assert components["train/weighting_ce"].requires_grad


@pytest.fixture
def two_passes(outputs: ClassifierOutput) -> ClassifierOutput:
    """Outputs of two passes of the same five texts."""
    noise = torch.Generator().manual_seed(1)
    return ClassifierOutput(
        *(torch.cat([part, part + torch.randn(part.shape, generator=noise)]) for part in outputs if part is not None)
    )


@pytest.mark.parametrize("loss", ["ce", "scl", "lcl", "lcl_inside", "scl_set_tau", "prototypes"])
def test_consistency_adds_the_divergence_of_two_passes(two_passes: ClassifierOutput, loss: str) -> None:
    labels = torch.cat([LABELS, LABELS])
    plain = components_of(tiny_training.config(loss=loss, views=2), two_passes, labels)
    components = components_of(tiny_training.config(loss=loss, views=2, consistency=0.7), two_passes, labels)
    first, second = torch.softmax(two_passes.logits.double(), dim=-1).chunk(2)
    divergences = [(p * (p / q).log()).sum() + (q * (q / p).log()).sum() for p, q in zip(first, second, strict=True)]
    expected = float(sum(divergences)) / 2 / len(LABELS)
    assert components["train/divergence"].item() == pytest.approx(expected, rel=1e-5)
    assert components["train/loss"].item() == pytest.approx(plain["train/loss"].item() + 0.7 * expected, rel=1e-5)
    assert components.keys() == plain.keys() | {"train/divergence"}


def test_equal_passes_have_no_divergence() -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0], [0.0, 1.0, 2.0]]).repeat(2, 1).requires_grad_()
    divergence = losses.symmetric_divergence(logits)
    divergence.backward()  # type: ignore[no-untyped-call]
    assert divergence.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_the_contrastive_term_sees_only_its_views(two_passes: ClassifierOutput, outputs: ClassifierOutput) -> None:
    labels = torch.cat([LABELS, LABELS])
    names = ["train/contrastive", "anchors/without_positive"]
    one_view = components_of(tiny_training.config(loss="lcl", consistency=0.5), two_passes, labels)
    single = components_of(tiny_training.config(loss="lcl"), outputs, LABELS)
    assert [one_view[name] for name in names] == [single[name] for name in names]
    two_views = components_of(tiny_training.config(loss="lcl", consistency=0.5, views=2), two_passes, labels)
    assert two_views["anchors/without_positive"] == 0


@pytest.mark.parametrize(
    ("hyperparameters", "passes"),
    [
        ({"loss": "ce"}, 1),
        ({"loss": "ce", "views": 2}, 1),
        ({"loss": "ce", "consistency": 1.0}, 2),
        ({"loss": "scl", "views": 2}, 2),
        ({"loss": "scl", "consistency": 1.0}, 2),
        ({"loss": "scl_two_phase", "consistency": 1.0}, 1),
    ],
)
def test_a_text_has_as_many_passes_as_the_loss_needs(hyperparameters: dict[str, Any], passes: int) -> None:
    assert tiny_training.config(**hyperparameters).passes == passes


def test_balanced_weights_and_label_smoothing_equal_torchs(outputs: ClassifierOutput) -> None:
    weights = training_loss.balanced_class_weights(LABELS, 4)
    assert weights.tolist() == pytest.approx([5 / 8, 5 / 8, 5 / 4, 0])  # 5 texts, 4 classes with 2, 2, 1 and 0 of them
    config = tiny_training.config(loss="lcl", label_smoothing=0.1, class_weights="balanced")
    components = training_loss.TrainingLoss(config, weights[:3]).components(outputs, LABELS)
    assert outputs.weighting_logits is not None
    for name, logits in (("train/ce", outputs.logits), ("train/weighting_ce", outputs.weighting_logits)):
        assert components[name] == functional.cross_entropy(logits, LABELS, weight=weights[:3], label_smoothing=0.1)


def test_the_sum_is_the_mean_times_the_number_of_anchors_with_a_positive(outputs: ClassifierOutput) -> None:
    mean, total = (
        components_of(tiny_training.config(loss="lcl", reduction=reduction), outputs, LABELS)
        for reduction in ("mean", "sum")
    )
    assert mean["anchors/without_positive"].item() == pytest.approx(1 / 5)
    assert total["train/contrastive"].item() == pytest.approx(4 * mean["train/contrastive"].item(), rel=1e-5)


def test_a_separate_weighting_network_trains_its_own_encoder(data: TrainingData) -> None:
    assert gradients_of_the_weighting(data, "separate") == {"weighting", "weighting_encoder"}
