"""The peers do the work that they stand for."""

import numpy as np
import pytest
import torch

from benchmarks.speed.peers import first_step
from benchmarks.speed.peers.label_aware import looped_loss, vectorized_loss
from benchmarks.speed.settings import Settings
from sweeper.training import losses
from sweeper.training.batching import bucketed_batches
from sweeper.training.types import TokenizedSplit


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


def test_the_first_batch_of_ray_tune_is_as_long_as_sweepers_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = np.random.default_rng(0).integers(5, 60, 3200)
    rows = [{"input_ids": [1] * length, "attention_mask": [1] * length, "labels": 0} for length in lengths]
    monkeypatch.setattr(first_step, "tokenized_rows", lambda _: rows)
    sorted_rows = first_step.sort_by_length(Settings())
    batches = [first_step.take_batch(sorted_rows, seed)["input_ids"] for seed in range(200)]
    assert {len(batch) for batch in batches} == {32}
    starts = np.cumsum([0, *lengths])
    split = TokenizedSplit(np.ones(starts[-1], np.int32), starts, lengths.astype(np.int32), np.zeros(3200, np.int64))
    firsts = [bucketed_batches(split, 32, 128, seed=seed, epoch=0)[0] for seed in range(200)]
    theirs, ours = (
        np.mean([max(map(len, batch)) for batch in batches]), np.mean([lengths[rows].max() for rows in firsts])
    )  # fmt: skip
    assert abs(theirs - ours) < 5
