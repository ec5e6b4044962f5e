"""Cross entropy's companions, as functions of tensors: one value per anchor, reduced by the caller.

Two texts of one class are each other's positives. An anchor without a positive in its batch has no contrastive loss:
`valid` leaves it out of the sum and of the divisor (the published formulas divide by zero there). All arithmetic is in
float32 at least, and an anchor's own score is masked before any logarithm: raw features with a small temperature
underflow otherwise.

A new loss: its function here, its place in objective.py, its name in config.Loss.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class PerAnchor(NamedTuple):
    """A loss for each anchor (B,), and which anchors have one (B,)."""

    values: Tensor
    valid: Tensor


def similarity_matrix(features: Tensor, tau: float, *, normalize: bool) -> Tensor:
    """s_ij = h_i·h_j / tau for features (B, D), -inf for i = j; cosine similarities where `normalize`."""
    features = _exact(features)
    if normalize:
        features = functional.normalize(features, dim=-1)
    similarity = features @ features.T / tau  # (B, B)
    return similarity.masked_fill(torch.eye(len(features), dtype=torch.bool, device=features.device), -torch.inf)


def scale_by_positives(similarity: Tensor, labels: Tensor) -> Tensor:
    """The scores (B, B) under a temperature that grows with the positives of an anchor: s_ij / |P_i|.

    With these, SCL is the experiment of Modarres & Raeisi, section 4, in which "the amount of t" follows the size of
    the positive set.
    """
    positive, _ = _positives(labels)
    return similarity / positive.sum(dim=-1, keepdim=True).clamp(min=1)


def supervised_contrastive(similarity: Tensor, labels: Tensor) -> PerAnchor:
    """SCL, one value per anchor, of masked scores (B, B) and labels (B,).

    l_i = -1/|P_i| sum_{p in P_i} (s_ip - log sum_{k != i} exp s_ik)
    (Modarres & Raeisi, "Happy is Farther From Sad Than Joyful", section 3.3)
    """
    positive, valid = _positives(labels)
    kept = _kept(similarity, valid)
    return PerAnchor(torch.logsumexp(kept, dim=-1) - _mean(kept, positive), valid)


def label_aware_contrastive(
    similarity: Tensor, labels: Tensor, weighting: Tensor, *, inside: bool = False
) -> PerAnchor:
    """LCL, one value per anchor, of masked scores (B, B), labels (B,) and the weighting network's logits (B, C).

    l_i = -1/|P_i| sum_{p in P_i} w_i,y_i (s_ip - log sum_{k != i} w_i,y_k exp s_ik), w = softmax of the logits
    (Modarres & Raeisi, section 3.4; the code of Suresh & Ong, "Not All Negatives are Equal"). With `inside`, as Suresh
    & Ong print it in equation 3, which their own code does not follow: the first factor stands in the logarithm,
    l_i = -1/|P_i| sum_{p in P_i} (log w_i,y_i + s_ip - log sum_{k != i} w_i,y_k exp s_ik).
    The weights are not detached here: the loss trains the weighting network too.
    """
    positive, valid = _positives(labels)
    kept = _kept(similarity, valid)
    log_weights = torch.log_softmax(_exact(weighting), dim=-1)
    own = log_weights.gather(1, labels[:, None]).squeeze(1)  # (B,)
    contrast = torch.logsumexp(kept + log_weights[:, labels], dim=-1) - _mean(kept, positive)
    return PerAnchor(contrast - own if inside else own.exp() * contrast, valid)


def reduce(loss: PerAnchor, how: Literal["mean", "sum"] = "mean") -> Tensor:
    """The mean over the anchors that have a loss, or their sum; 0, still with a gradient, where none has."""
    kept = loss.values.masked_fill(~loss.valid, 0).sum()
    return kept if how == "sum" else kept / loss.valid.sum().clamp(min=1)


def _exact(tensor: Tensor) -> Tensor:
    """In float32, or better where it is so already."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _positives(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Which texts are positives of which anchor (B, B), and which anchors have any (B,)."""
    positive = labels[:, None] == labels[None, :]
    positive.fill_diagonal_(False)
    return positive, positive.any(dim=-1)


def _kept(similarity: Tensor, valid: Tensor) -> Tensor:
    """The scores, those of an anchor without a loss replaced: alone in its batch it has none but -inf, whose logarithm
    has no gradient.
    """
    return similarity.masked_fill(~valid[:, None], 0)


def _mean(similarity: Tensor, positive: Tensor) -> Tensor:
    """The mean score of each anchor's positives (B,); 0 where it has none."""
    return similarity.masked_fill(~positive, 0).sum(dim=-1) / positive.sum(dim=-1).clamp(min=1)
