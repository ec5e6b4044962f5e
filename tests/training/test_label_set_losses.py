"""The contrastive loss of label sets against a double loop in float64, written from its formula."""

import pytest
import torch
from torch import Tensor

from sweeper.training import losses

CLASSES = 5
SCALES = [(True, 0.07), (True, 0.3), (False, 1.0), (False, 1000.0)]
SETS = {
    "random": [[0], [0, 1], [2, 3], [1, 2, 3], [4], [0, 4], [3], [1, 2]],
    "a text without a label": [[0, 1], [], [1], [2], []],
    "all equal": [[1, 3]] * 4,
    "none equal": [[0], [1], [2], [3, 4]],
    "all without a label": [[], [], []],
    "one text": [[0, 2]],
}


def matrix(label_sets: list[list[int]]) -> Tensor:
    return torch.tensor([[int(k in labels) for k in range(CLASSES)] for labels in label_sets])


def random_features(texts: int) -> Tensor:
    return torch.randn(texts, 6, generator=torch.Generator().manual_seed(texts), requires_grad=True)


def jaccard(first: set[int], second: set[int]) -> float:
    return len(first & second) / len(first | second) if first | second else 0.0


def naive(features: Tensor, label_sets: list[list[int]], tau: float, *, normalize: bool) -> Tensor:
    """The mean of l_i over the anchors that share a label with another text, pair by pair."""
    sets = [set(labels) for labels in label_sets]
    h = [row / row.norm() if normalize else row for row in features]
    values = []
    for i in range(len(sets)):
        others = [k for k in range(len(sets)) if k != i]
        weights = {k: jaccard(sets[i], sets[k]) for k in others}
        if not sum(weights.values()):
            continue
        denominator = torch.stack([(h[i] @ h[k] / tau).exp() for k in others]).sum()
        terms = [weights[p] * (h[i] @ h[p] / tau - denominator.log()) for p in others]
        values.append(-torch.stack(terms).sum() / sum(weights.values()))
    return torch.stack(values).mean() if values else features.sum() * 0


def loss(features: Tensor, labels: Tensor, tau: float, *, normalize: bool) -> Tensor:
    return losses.reduce(
        losses.supervised_contrastive(losses.similarity_matrix(features, tau, normalize=normalize), labels)
    )


@pytest.mark.parametrize("label_sets", SETS.values(), ids=SETS)
@pytest.mark.parametrize(("normalize", "tau"), SCALES)
def test_values_and_gradients_equal_those_of_the_double_loop(
    label_sets: list[list[int]], normalize: bool, tau: float
) -> None:
    features = random_features(len(label_sets))
    exact = features.detach().double().requires_grad_()
    expected = naive(exact, label_sets, tau, normalize=normalize)
    value = loss(features, matrix(label_sets), tau, normalize=normalize)
    assert value.item() == pytest.approx(expected.item(), rel=1e-4, abs=1e-5)
    (gradient,) = torch.autograd.grad(value, features)
    (expected_gradient,) = torch.autograd.grad(expected, exact)
    torch.testing.assert_close(gradient.double(), expected_gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2], [1, 1, 1], [0, 1, 2, 3]], ids=str)
def test_one_label_per_text_gives_the_loss_of_classes_to_the_last_bit(labels: list[int]) -> None:
    similarity = losses.similarity_matrix(random_features(len(labels)), 0.3, normalize=True)
    of_classes = losses.supervised_contrastive(similarity, torch.tensor(labels))
    of_sets = losses.supervised_contrastive(similarity, matrix([[label] for label in labels]))
    torch.testing.assert_close(of_sets.values, of_classes.values, rtol=0, atol=0)
    torch.testing.assert_close(of_sets.valid, of_classes.valid)


def test_a_text_without_a_label_has_no_positive_and_is_none() -> None:
    similarity = losses.similarity_matrix(random_features(3), 0.3, normalize=True)
    found = losses.supervised_contrastive(similarity, matrix([[0], [], [0, 1]]))
    assert found.valid.tolist() == [True, False, True]


def test_texts_in_memory_count_by_their_overlap_too() -> None:
    features, memory = random_features(3), random_features(2).detach()
    label_sets = [[0], [1, 2], [3], [0, 1], [2]]
    similarity = losses.similarity_matrix(features, 0.5, normalize=False, others=[memory])
    found = losses.supervised_contrastive(similarity, matrix(label_sets)).values
    everything = losses.similarity_matrix(torch.cat([features, memory]), 0.5, normalize=False)
    torch.testing.assert_close(found, losses.supervised_contrastive(everything, matrix(label_sets)).values[:3])
