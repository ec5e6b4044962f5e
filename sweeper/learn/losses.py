"""Cross entropy's companions, as functions of tensors: one value per anchor, reduced by the caller.

Two texts of one class are each other's positives. An anchor without a positive in its batch has no contrastive loss:
`valid` leaves it out of the sum and of the divisor (the published formulas divide by zero there). All arithmetic is
in float32, and an anchor's own score is masked before any logarithm: raw features with a small temperature underflow
otherwise.

A new loss: its function here, its place in objective.py, its name in config.Loss.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class PerAnchor(NamedTuple):
    """A loss for each anchor (B,), and which anchors have one (B,)."""

    values: Tensor
    valid: Tensor


def scores(features: Tensor, tau: float, *, normalize: bool) -> Tensor:
    """s_ij = h_i·h_j / tau for features (B, D), -inf for i = j; cosine similarities where `normalize`."""
    features = features.float()
    if normalize:
        features = functional.normalize(features, dim=-1)
    similarity = features @ features.T / tau  # (B, B)
    return similarity.masked_fill(torch.eye(len(features), dtype=torch.bool, device=features.device), -torch.inf)


def supervised_contrastive(similarity: Tensor, labels: Tensor) -> PerAnchor:
    """SCL, one value per anchor, of masked scores (B, B) and labels (B,).

    l_i = -1/|P_i| sum_{p in P_i} (s_ip - log sum_{k != i} exp s_ik)
    (Modarres & Raeisi, "Happy is Farther From Sad Than Joyful", section 3.3)
    """
    return _mean_over_positives(similarity, labels, torch.logsumexp(similarity, dim=-1))


def label_aware_contrastive(similarity: Tensor, labels: Tensor, weighting: Tensor) -> PerAnchor:
    """LCL, one value per anchor, of masked scores (B, B), labels (B,) and the weighting network's logits (B, C).

    l_i = -1/|P_i| sum_{p in P_i} w_i,y_i (s_ip - log sum_{k != i} w_i,y_k exp s_ik), w = softmax of the logits
    (section 3.4 there; after Suresh & Ong, "Not All Negatives are Equal", whose equation 3 prints w_i,y_i inside the
    logarithm, by a typing error). The weights are not detached: the loss trains the weighting network too.
    """
    log_weights = torch.log_softmax(weighting.float(), dim=-1)
    denominators = torch.logsumexp(similarity + log_weights[:, labels], dim=-1)  # (B,)
    values, valid = _mean_over_positives(similarity, labels, denominators)
    own = log_weights.gather(1, labels[:, None]).squeeze(1).exp()  # (B,)
    return PerAnchor(own * values, valid)


def _mean_over_positives(similarity: Tensor, labels: Tensor, denominators: Tensor) -> PerAnchor:
    positive = labels[:, None] == labels[None, :]
    positive.fill_diagonal_(False)
    count = positive.sum(dim=-1)  # (B,)
    total = similarity.masked_fill(~positive, 0).sum(dim=-1)
    valid = count > 0
    # log P of the positives; an anchor without positives has 0 - 0/1, and `denominators` of a batch of one is -inf
    values = denominators.masked_fill(~valid, 0) - total / count.clamp(min=1)
    return PerAnchor(values, valid)


def reduce(loss: PerAnchor) -> Tensor:
    """The mean over the anchors that have a loss; 0, still with a gradient, where none has."""
    kept = loss.values.masked_fill(~loss.valid, 0).sum()
    return kept / loss.valid.sum().clamp(min=1)
