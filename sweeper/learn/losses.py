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
    positive, valid = _positives(labels)
    kept = similarity.masked_fill(~valid[:, None], 0)
    return PerAnchor(torch.logsumexp(kept, dim=-1) - _mean(kept, positive), valid)


def label_aware_contrastive(similarity: Tensor, labels: Tensor, weighting: Tensor) -> PerAnchor:
    """LCL, one value per anchor, of masked scores (B, B), labels (B,) and the weighting network's logits (B, C).

    l_i = -1/|P_i| sum_{p in P_i} w_i,y_i (s_ip - log sum_{k != i} w_i,y_k exp s_ik), w = softmax of the logits
    (section 3.4 there; after Suresh & Ong, "Not All Negatives are Equal", whose equation 3 prints w_i,y_i inside the
    logarithm, by a typing error). The weights are not detached: the loss trains the weighting network too.
    """
    positive, valid = _positives(labels)
    kept = similarity.masked_fill(~valid[:, None], 0)
    log_weights = torch.log_softmax(weighting.float(), dim=-1)
    denominators = torch.logsumexp(kept + log_weights[:, labels], dim=-1)  # (B,)
    own = log_weights.gather(1, labels[:, None]).squeeze(1).exp()  # (B,)
    return PerAnchor(own * (denominators - _mean(kept, positive)), valid)


def _positives(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Which texts are positives of which anchor (B, B), and which anchors have any (B,).

    The scores of an anchor without any are to be replaced before a logarithm is taken: in a batch of one they are all
    -inf, whose gradient is no number.
    """
    positive = labels[:, None] == labels[None, :]
    positive.fill_diagonal_(False)
    return positive, positive.any(dim=-1)


def _mean(similarity: Tensor, positive: Tensor) -> Tensor:
    """The mean score of each anchor's positives (B,); 0 where it has none."""
    return similarity.masked_fill(~positive, 0).sum(dim=-1) / positive.sum(dim=-1).clamp(min=1)


def reduce(loss: PerAnchor) -> Tensor:
    """The mean over the anchors that have a loss; 0, still with a gradient, where none has."""
    kept = loss.values.masked_fill(~loss.valid, 0).sum()
    return kept / loss.valid.sum().clamp(min=1)
