"""The contrastive losses against double loops in float64, written from the paper's formulas."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from sweeper.learn import losses

SCL, LCL = "scl", "lcl"
BATCHES = [[0, 0], [0, 0, 1, 1, 2], [0, 1, 0, 1, 1, 2, 3, 0], [1, 1, 1, 1], [2, 0, 1, 3, 1]]
SCALES = [(True, 0.07), (True, 0.3), (True, 10.0), (False, 1.0), (False, 10.0), (False, 1000.0)]


def batch(labels: list[int], *, norm: float = 3.0, classes: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    """Features (B, 6) of about this norm, labels (B,), and the weighting network's logits (B, C)."""
    generator = torch.Generator().manual_seed(len(labels))
    features = torch.randn(len(labels), 6, generator=generator) * norm / math.sqrt(6)
    weighting = torch.randn(len(labels), classes, generator=generator)
    return features.requires_grad_(), torch.tensor(labels), weighting.requires_grad_()


def loss(name: str, features: Tensor, labels: Tensor, weighting: Tensor, tau: float, *, normalize: bool) -> Tensor:
    similarity = losses.scores(features, tau, normalize=normalize)
    if name == SCL:
        return losses.reduce(losses.supervised_contrastive(similarity, labels))
    return losses.reduce(losses.label_aware_contrastive(similarity, labels, weighting))


def naive(name: str, features: Tensor, labels: Tensor, weighting: Tensor, tau: float, *, normalize: bool) -> Tensor:
    """The mean of l_i over the anchors that have a positive."""
    y = labels.tolist()
    h = [row / row.norm() if normalize else row for row in features]
    per_anchor = []
    for i in range(len(y)):
        positives = [p for p in range(len(y)) if p != i and y[p] == y[i]]
        others = [k for k in range(len(y)) if k != i]
        if not positives:
            continue
        w = weighting[i].exp() / weighting[i].exp().sum() if name == LCL else torch.ones_like(weighting[i])
        denominator = sum((w[y[k]] * (h[i] @ h[k] / tau).exp() for k in others), torch.zeros(()))
        terms = [w[y[i]] * (h[i] @ h[p] / tau - denominator.log()) for p in positives]
        per_anchor.append(-torch.stack(terms).sum() / len(positives))
    return torch.stack(per_anchor).mean()


@pytest.mark.parametrize("labels", BATCHES, ids=str)
@pytest.mark.parametrize(("normalize", "tau"), SCALES)
@pytest.mark.parametrize("name", [SCL, LCL])
def test_value_and_gradients_are_those_of_the_double_loop(
    name: str, normalize: bool, tau: float, labels: list[int]
) -> None:
    features, y, weighting = batch(labels)
    exact = [part.detach().double().requires_grad_() for part in (features, weighting)]
    expected = naive(name, exact[0], y, exact[1], tau, normalize=normalize)
    found = loss(name, features, y, weighting, tau, normalize=normalize)
    assert found.item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-5)

    wanted = torch.autograd.grad(expected, exact, allow_unused=True)
    gradients = torch.autograd.grad(found, [features, weighting], allow_unused=True)
    for gradient, want in zip(gradients, wanted, strict=True):
        if want is not None and gradient is not None:
            torch.testing.assert_close(gradient.double(), want, rtol=1e-3, atol=1e-5)


def test_gradients_pass_gradcheck() -> None:
    features, y, weighting = batch([0, 1, 0, 1, 2])
    diagonal = torch.eye(5, dtype=torch.bool)

    def of_features(reduced: Callable[[Tensor], losses.PerAnchor]) -> Callable[[Tensor], Tensor]:
        return lambda h: losses.reduce(reduced((h @ h.T).masked_fill(diagonal, -torch.inf)))

    double = features.detach().double().requires_grad_()
    scl = of_features(lambda s: losses.supervised_contrastive(s, y))
    lcl = of_features(lambda s: losses.label_aware_contrastive(s, y, weighting.detach()))
    assert torch.autograd.gradcheck(scl, double)
    assert torch.autograd.gradcheck(lcl, double)


@pytest.mark.parametrize("name", [SCL, LCL])
def test_anchors_without_a_positive_are_in_neither_the_sum_nor_the_divisor(name: str) -> None:
    features, y, weighting = batch([0, 0, 1, 2])
    similarity = losses.scores(features, 1.0, normalize=True)
    found = (
        losses.supervised_contrastive(similarity, y)
        if name == SCL
        else losses.label_aware_contrastive(similarity, y, weighting)
    )
    assert found.valid.tolist() == [True, True, False, False]
    assert losses.reduce(found).item() == pytest.approx(found.values[:2].mean().item())


@pytest.mark.parametrize("labels", [[1], [0, 1], [0, 1, 2, 3]], ids=str)
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("name", [SCL, LCL])
def test_a_batch_without_any_positive_gives_0_and_gradients_of_0(name: str, normalize: bool, labels: list[int]) -> None:
    features, y, weighting = batch(labels)
    found = loss(name, features, y, weighting, 0.3, normalize=normalize)
    assert found.item() == 0
    torch.autograd.backward(found)
    assert features.grad is not None
    assert torch.equal(features.grad, torch.zeros_like(features))
    if name == LCL:
        assert weighting.grad is not None
        assert torch.equal(weighting.grad, torch.zeros_like(weighting))


@pytest.mark.parametrize("labels", [[0, 0], [0, 0, 1], [0, 1, 0, 1, 2, 3]], ids=str)
@pytest.mark.parametrize("name", [SCL, LCL])
def test_raw_features_and_a_small_temperature_stay_finite(name: str, labels: list[int]) -> None:
    features, y, weighting = batch(labels, norm=20.0)
    found = loss(name, features, y, weighting, 0.07, normalize=False)
    torch.autograd.backward(found)
    assert found.isfinite()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_confident_weights_stay_finite() -> None:
    features, y, weighting = batch([0, 0, 1, 1, 2])
    sure = (weighting.detach() * 300).requires_grad_()
    found = loss(LCL, features, y, sure, 0.07, normalize=True)
    torch.autograd.backward(found)
    assert found.isfinite()
    assert sure.grad is not None
    assert sure.grad.isfinite().all()


@pytest.mark.parametrize("classes", [3, 7])
def test_lcl_with_uniform_weights_is_scl_less_log_c_over_c(classes: int) -> None:
    # w = 1/C: l_i = -1/|P_i| sum 1/C (s_ip - log(1/C sum exp s_ik)) = (SCL_i - log C) / C
    features, y, _ = batch([0, 1, 0, 1, 2, 2])
    uniform = torch.full((6, classes), 2.5)
    scl = loss(SCL, features, y, uniform, 0.3, normalize=True).item()
    lcl = loss(LCL, features, y, uniform, 0.3, normalize=True).item()
    assert lcl == pytest.approx((scl - math.log(classes)) / classes, rel=1e-5)


def test_lcl_trains_the_weighting_network() -> None:
    features, y, weighting = batch([0, 1, 0, 1, 2])
    torch.autograd.backward(loss(LCL, features, y, weighting, 0.3, normalize=True))
    assert weighting.grad is not None
    assert weighting.grad.abs().sum(dim=1).gt(1e-4).tolist() == [True] * 4 + [False]  # the last has no positive


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_features_are_scored_in_float32(kind: torch.dtype) -> None:
    features, y, weighting = batch([0, 0, 1, 1])
    half = features.detach().to(kind)
    assert losses.scores(half, 0.07, normalize=False).dtype == torch.float32
    found = loss(LCL, half, y, weighting.detach().to(kind), 0.07, normalize=True)
    assert found.dtype == torch.float32


def test_scores_do_not_depend_on_the_norm_where_they_are_normalised() -> None:
    features, _, _ = batch([0, 0, 1, 1])
    torch.testing.assert_close(
        losses.scores(features, 0.3, normalize=True), losses.scores(features * 50, 0.3, normalize=True)
    )
