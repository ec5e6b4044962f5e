"""The peers do the work that they stand for."""

import torch

from benchmarks.speed.peers.label_aware import looped_loss, vectorized_loss
from sweeper.training import losses


def test_the_double_loop_is_sweepers_loss() -> None:
    torch.manual_seed(0)
    features, logits = torch.randn(6, 8, requires_grad=True), torch.randn(6, 3, requires_grad=True)
    labels = torch.tensor([0, 1, 0, 2, 1, 0])  # the only text of class 2 has no positive
    similarity = losses.similarity_matrix(features, 0.3, normalize=True)
    expected = losses.reduce(losses.label_aware_contrastive(similarity, labels, logits))
    gradient = torch.autograd.grad(expected, (features, logits))
    for loss in (looped_loss, vectorized_loss):
        value = loss(features, logits, labels)
        torch.testing.assert_close(value, expected)
        for ours, theirs in zip(gradient, torch.autograd.grad(value, (features, logits)), strict=True):
            torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-6)
