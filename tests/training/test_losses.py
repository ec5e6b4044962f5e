"""The contrastive losses against double loops in float64, written from the paper's formulas."""

import math

import pytest
import torch
from torch import Tensor

from sweeper.training import losses
from sweeper.training.named_function import load_function
from sweeper.training.registry import LOSSES

SCL, SET_TAU, LCL, INSIDE = "scl", "scl_set_tau", "lcl", "lcl_inside"
NAMES = [SCL, SET_TAU, LCL, INSIDE]
BATCHES = [[0, 0], [0, 0, 1, 1, 2], [0, 1, 0, 1, 1, 2, 3, 0], [1, 1, 1, 1], [2, 0, 1, 3, 1]]
SCALES = [(True, 0.07), (True, 0.3), (True, 10.0), (False, 1.0), (False, 10.0), (False, 1000.0)]


def batch(labels: list[int], *, norm: float = 3.0, classes: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    """Random features (B, 6) of about this norm, labels (B,), and the weighting network's logits (B, C)."""
    generator = torch.Generator().manual_seed(len(labels))
    features = torch.randn(len(labels), 6, generator=generator) * norm / math.sqrt(6)
    weighting = torch.randn(len(labels), classes, generator=generator)
    return features.requires_grad_(), torch.tensor(labels), weighting.requires_grad_()


def per_anchor(name: str, similarity: Tensor, labels: Tensor, weighting: Tensor) -> losses.AnchorLosses:
    """The contrastive term of the registry's entry `name`."""
    entry = LOSSES[name]
    term = load_function(str(entry.contrastive_term))
    anchor_losses: losses.AnchorLosses = (
        term(similarity, labels, weighting) if entry.has_weighting_network else term(similarity, labels)
    )
    return anchor_losses


def loss(name: str, features: Tensor, labels: Tensor, weighting: Tensor, tau: float, *, normalize: bool) -> Tensor:
    return losses.reduce(
        per_anchor(name, losses.similarity_matrix(features, tau, normalize=normalize), labels, weighting)
    )


def naive(name: str, features: Tensor, labels: Tensor, weighting: Tensor, tau: float, *, normalize: bool) -> Tensor:
    """The mean of l_i over the anchors that have a positive, pair by pair."""
    y = labels.tolist()
    h = [row / row.norm() if normalize else row for row in features]
    per_anchor = []
    for i in range(len(y)):
        positives = [p for p in range(len(y)) if p != i and y[p] == y[i]]
        others = [k for k in range(len(y)) if k != i]
        if not positives:
            continue
        anchor_tau = tau * len(positives) if name == SET_TAU else tau
        s = {k: h[i] @ h[k] / anchor_tau for k in others}
        w = weighting[i].exp() / weighting[i].exp().sum() if name in (LCL, INSIDE) else torch.ones_like(weighting[i])
        denominator = sum((w[y[k]] * s[k].exp() for k in others), torch.zeros(()))
        if name == INSIDE:
            terms = [(w[y[i]] * s[p].exp() / denominator).log() for p in positives]
        else:
            terms = [w[y[i]] * (s[p].exp() / denominator).log() for p in positives]
        per_anchor.append(-torch.stack(terms).sum() / len(positives))
    return torch.stack(per_anchor).mean()


@pytest.mark.parametrize("labels", BATCHES, ids=str)
@pytest.mark.parametrize(("normalize", "tau"), SCALES)
@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_equal_those_of_the_double_loop(
    name: str, normalize: bool, tau: float, labels: list[int]
) -> None:
    features, y, weighting = batch(labels)
    exact = [part.detach().double().requires_grad_() for part in (features, weighting)]
    expected = naive(name, exact[0], y, exact[1], tau, normalize=normalize)
    value = loss(name, features, y, weighting, tau, normalize=normalize)
    assert value.item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-5)

    expected_gradients = torch.autograd.grad(expected, exact, allow_unused=True)
    gradients = torch.autograd.grad(value, [features, weighting], allow_unused=True)
    for gradient, expected_gradient in zip(gradients, expected_gradients, strict=True):
        assert (gradient is None) == (expected_gradient is None)
        if expected_gradient is not None and gradient is not None:
            torch.testing.assert_close(gradient.double(), expected_gradient, rtol=1e-3, atol=1e-5)


def test_an_example_computed_by_hand() -> None:
    # Three texts, the first two of class 0: h = (1, 0), (0, 1), (1, 1), raw, tau 1, so s_01 = 0 and s_02 = s_12 = 1.
    # Anchors 0 and 1: P = {the other}, and both have sum_{k != i} exp s_ik = e^0 + e^1 = 1 + e.
    # SCL: -(0 - log(1 + e)) = log(1 + e) = 1.3133 for both; anchor 2 has no positive.
    # The weights of class 0 and 1 are 1/4 and 3/4 for every anchor: the denominator is 1/4 + 3/4 e.
    # LCL: 1/4 log(1/4 + 3/4 e) = 0.2070; inside: log(1/4 + 3/4 e) - log(1/4) = 0.8280 + 1.3863 = 2.2143.
    features, labels = torch.tensor([[1.0, 0], [0, 1], [1, 1]]), torch.tensor([0, 0, 1])
    weighting = torch.tensor([[0.25, 0.75]]).log().expand(3, 2)
    values = {name: loss(name, features, labels, weighting, 1, normalize=False).item() for name in (SCL, LCL, INSIDE)}
    assert values == pytest.approx({SCL: 1.3133, LCL: 0.2070, INSIDE: 2.2143}, abs=1e-4)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_pass_gradcheck(name: str, normalize: bool) -> None:
    features, y, weighting = batch([0, 1, 0, 1, 0, 2])
    exact = [part.detach().double().requires_grad_() for part in (features, weighting)]
    assert torch.autograd.gradcheck(lambda h, w: loss(name, h, y, w, 0.7, normalize=normalize), exact)


@pytest.mark.parametrize("name", NAMES)
def test_permuting_the_batch_permutes_the_anchors(name: str) -> None:
    features, y, weighting = (part.detach() for part in batch([0, 1, 0, 1, 1, 2, 3, 0]))
    order = torch.tensor([3, 0, 7, 5, 1, 6, 2, 4])
    values, valid = per_anchor(name, losses.similarity_matrix(features, 0.3, normalize=True), y, weighting)
    permuted = losses.similarity_matrix(features[order], 0.3, normalize=True)
    permuted_losses = per_anchor(name, permuted, y[order], weighting[order])
    torch.testing.assert_close(permuted_losses.values, values[order])
    assert torch.equal(permuted_losses.valid, valid[order])


@pytest.mark.parametrize("name", [LCL, INSIDE])
def test_adding_a_constant_to_an_anchors_logits_changes_nothing(name: str) -> None:
    features, y, weighting = (part.detach() for part in batch([0, 1, 0, 1, 2]))
    shifted = weighting + torch.tensor([[5.0], [-3], [0], [100], [7]])
    values = [loss(name, features, y, w, 0.3, normalize=True) for w in (weighting, shifted)]
    torch.testing.assert_close(values[0], values[1], rtol=1e-4, atol=1e-5)


def test_with_uniform_weights_the_gradient_of_lcl_is_that_of_scl_divided_by_the_classes() -> None:
    features, y, _ = batch([0, 1, 0, 1, 2, 2])
    uniform = torch.zeros(6, 4)
    of_scl, of_lcl = (
        torch.autograd.grad(loss(n, features, y, uniform, 0.3, normalize=True), features)[0] for n in (SCL, LCL)
    )
    torch.testing.assert_close(of_lcl, of_scl / 4)


def test_lcl_can_be_negative() -> None:
    features = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    assert loss(LCL, features, torch.tensor([0, 0, 1]), torch.zeros(3, 4), 0.1, normalize=True).item() < 0


def test_the_sum_is_the_mean_times_the_number_of_anchors_with_a_positive() -> None:
    features, y, weighting = batch([0, 0, 1, 2, 2])
    anchor_losses = per_anchor(LCL, losses.similarity_matrix(features, 0.3, normalize=True), y, weighting)
    assert losses.reduce(anchor_losses, "sum").item() == pytest.approx(
        4 * losses.reduce(anchor_losses, "mean").item(), rel=1e-5
    )


DEGENERATE = {
    "one example": ([1], "random"),
    "no positive anywhere": ([0, 1, 2, 3], "random"),
    "all of one class": ([2, 2, 2, 2], "random"),
    "identical features": ([0, 1, 0, 1], "identical"),
    "features of 0": ([0, 1, 0, 1], "zero"),
    "some without a positive": ([0, 1, 0, 3], "random"),
}


@pytest.mark.parametrize("tau", [1e-3, 1e-1, 1.0, 1e2, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_are_finite_in_degenerate_cases(
    name: str, case: str, normalize: bool, dtype: torch.dtype, tau: float
) -> None:
    labels, features_kind = DEGENERATE[case]
    features, y, weighting = (part.detach() for part in batch(labels, norm=20.0))
    if features_kind != "random":
        features = features[:1].expand_as(features) * (features_kind == "identical")
    leaves = [part.to(dtype).requires_grad_() for part in (features, weighting)]
    value = loss(name, leaves[0], y, leaves[1], tau, normalize=normalize)
    torch.autograd.backward(value)
    assert value.isfinite()
    assert all(leaf.grad is None or leaf.grad.isfinite().all() for leaf in leaves)


@pytest.mark.parametrize("name", NAMES)
def test_anchors_without_a_positive_count_in_neither_sum_nor_divisor(name: str) -> None:
    features, y, weighting = batch([0, 0, 1, 2])
    similarity = losses.similarity_matrix(features, 1.0, normalize=True)
    anchor_losses = per_anchor(name, similarity, y, weighting)
    assert anchor_losses.valid.tolist() == [True, True, False, False]
    assert losses.reduce(anchor_losses).item() == pytest.approx(anchor_losses.values[:2].mean().item())


@pytest.mark.parametrize("labels", [[1], [0, 1], [0, 1, 2, 3]], ids=str)
@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_a_batch_without_positives_has_loss_0_and_gradients_0(name: str, normalize: bool, labels: list[int]) -> None:
    features, y, weighting = batch(labels)
    value = loss(name, features, y, weighting, 0.3, normalize=normalize)
    assert value.item() == 0
    torch.autograd.backward(value)
    assert features.grad is not None
    assert torch.equal(features.grad, torch.zeros_like(features))
    if name in (LCL, INSIDE):
        assert weighting.grad is not None
        assert torch.equal(weighting.grad, torch.zeros_like(weighting))


def test_confident_weights_stay_finite() -> None:
    features, y, weighting = batch([0, 0, 1, 1, 2])
    confident = (weighting.detach() * 300).requires_grad_()
    value = loss(LCL, features, y, confident, 0.07, normalize=True)
    torch.autograd.backward(value)
    assert value.isfinite()
    assert confident.grad is not None
    assert confident.grad.isfinite().all()


@pytest.mark.parametrize("classes", [3, 7])
def test_lcl_with_uniform_weights_is_scl_minus_log_c_divided_by_c(classes: int) -> None:
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


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_features_are_compared_in_float32(dtype: torch.dtype) -> None:
    features, y, weighting = batch([0, 0, 1, 1])
    half = features.detach().to(dtype)
    assert losses.similarity_matrix(half, 0.07, normalize=False).dtype == torch.float32
    value = loss(LCL, half, y, weighting.detach().to(dtype), 0.07, normalize=True)
    assert value.dtype == torch.float32


def test_normalized_similarities_do_not_depend_on_the_norm() -> None:
    features, _, _ = batch([0, 0, 1, 1])
    torch.testing.assert_close(
        losses.similarity_matrix(features, 0.3, normalize=True),
        losses.similarity_matrix(features * 50, 0.3, normalize=True),
    )
