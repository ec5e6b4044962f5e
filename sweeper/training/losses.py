"""The contrastive losses, as functions of tensors: one value per anchor, which the caller reduces.

Every text of a batch is an anchor; the other texts of its class are its positives. Labels may also be label sets, as
0/1 matrices (K, C): then the positives of an anchor are the other texts that share a label with it, and each counts by
the Jaccard overlap of the two label sets. An anchor may also be compared with other features than its batch's, those of
a memory of past batches and the prototypes of the classes: similarities are (B, K) and labels (K,), those of the batch
first. Without others, K = B. An anchor without a positive has no contrastive loss: `AnchorLosses.valid` leaves it out
of the sum and of the divisor (the published formulas divide by zero there). All arithmetic is in float32 or better. An
anchor's similarity with itself is masked before any logarithm; otherwise raw features with a small temperature
underflow.

To add a loss: write its function here, add an entry to LOSSES in registry.py, and test both.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class AnchorLosses(NamedTuple):
    """The loss of each anchor (B,), and a mask of the anchors that have one (B,)."""

    values: Tensor
    valid: Tensor


def similarity_matrix(features: Tensor, tau: float, *, normalize: bool, others: Sequence[Tensor] = ()) -> Tensor:
    """Return s_ij = h_i·h_j / tau (B, K) for features (B, D) and `others`, (M, D) each, with s_ii = -inf.

    With `normalize`, all features are first scaled to length 1, which makes s_ij a cosine similarity divided by tau.
    """
    matrices = [_to_float32(matrix) for matrix in (features, *others)]
    if normalize:
        matrices = [functional.normalize(matrix, dim=-1) for matrix in matrices]
    all_features = matrices[0] if len(matrices) == 1 else torch.cat(matrices)  # (K, D)
    similarity = matrices[0] @ all_features.T / tau  # (B, K)
    is_same_text = torch.eye(*similarity.shape, dtype=torch.bool, device=features.device)
    return similarity.masked_fill(is_same_text, -torch.inf)


def supervised_contrastive(similarity: Tensor, labels: Tensor) -> AnchorLosses:
    """Return SCL for masked similarities (B, K) and labels (K,) or label sets (K, C).

    l_i = -1/|P_i| sum_{p in P_i} (s_ip - log sum_{k != i} exp s_ik)
    (Modarres & Raeisi, "Happy is Farther From Sad Than Joyful", section 3.3)

    Of label sets Y_i, with J_ip = |Y_i ∩ Y_p| / |Y_i ∪ Y_p|, and 0 for two empty sets:
    l_i = -1/(sum_{p != i} J_ip) sum_{p != i} J_ip (s_ip - log sum_{k != i} exp s_ik)
    The weights are those of the Jaccard similarity contrastive loss of Lin et al. 2023, "An Effective Deployment of
    Contrastive Learning in Multi-label Text Classification". They are divided by their sum here, so that the loss is
    the one above if each text has one label.
    """
    positive, valid = _positive_pairs(labels, len(similarity))
    similarity = _replace_invalid_rows(similarity, valid)
    return AnchorLosses(torch.logsumexp(similarity, dim=-1) - _mean_over_positives(similarity, positive), valid)


def set_tau_contrastive(similarity: Tensor, labels: Tensor) -> AnchorLosses:
    """Return SCL with a temperature that grows with an anchor's positives: SCL of s_ij / |P_i|.

    This is the experiment of Modarres & Raeisi, section 4, in which "the amount of t" follows the size of the positive
    set.
    """
    positive, _ = _positive_pairs(labels, len(similarity))
    return supervised_contrastive(similarity / positive.sum(dim=-1, keepdim=True).clamp(min=1), labels)


def class_averaged_contrastive(similarity: Tensor, labels: Tensor) -> AnchorLosses:
    """Return SCL in which all classes weigh alike among the others, for similarities (B, K) and labels (K,).

    l_i = -1/|P_i| sum_{p in P_i} (s_ip - log sum_c mean_{k in B_c, k != i} exp s_ik)

    B_c are the texts of class c and its prototype, which is a positive of each of them. This is the loss L_BCL of Zhu
    et al. 2022, "Balanced Contrastive Learning for Long-Tailed Visual Recognition": they call the means over B_c
    class-averaging, and the prototypes class-complement. The means leave out the anchor, as in the authors' code. The
    authors make prototypes from the classifier's weights, by a network like the one that projects their features; here
    features are not projected, and prototypes are weights of their own.
    """
    positive, valid = _positive_pairs(labels, len(similarity))
    similarity = _replace_invalid_rows(similarity, valid)
    same_class = labels[:, None] == labels[None, :]  # (K, K)
    others_of_class = same_class.sum(dim=-1) - same_class[: len(similarity)].long()  # (B, K), 0 only for i alone
    averaged = similarity - others_of_class.clamp(min=1).to(similarity.dtype).log()
    return AnchorLosses(torch.logsumexp(averaged, dim=-1) - _mean_over_positives(similarity, positive), valid)


def label_aware_contrastive(similarity: Tensor, labels: Tensor, weighting_logits: Tensor) -> AnchorLosses:
    """Return LCL for masked similarities (B, K), labels (K,) and the weighting network's logits (B, C).

    l_i = -1/|P_i| sum_{p in P_i} w_i,y_i (s_ip - log sum_{k != i} w_i,y_k exp s_ik), w = softmax of the logits
    (Modarres & Raeisi, section 3.4; the code of Suresh & Ong, "Not All Negatives are Equal")
    The weights are not detached here: the loss trains the weighting network too.
    """
    contrast, true_class_log_weight, valid = _weighted_contrast(similarity, labels, weighting_logits)
    return AnchorLosses(true_class_log_weight.exp() * contrast, valid)


def label_aware_contrastive_inside(similarity: Tensor, labels: Tensor, weighting_logits: Tensor) -> AnchorLosses:
    """Return LCL with its first factor inside the logarithm; shapes as in `label_aware_contrastive`.

    l_i = -1/|P_i| sum_{p in P_i} (log w_i,y_i + s_ip - log sum_{k != i} w_i,y_k exp s_ik)
    Suresh & Ong print LCL like this in equation 3; their own code does not follow it.
    """
    contrast, true_class_log_weight, valid = _weighted_contrast(similarity, labels, weighting_logits)
    return AnchorLosses(contrast - true_class_log_weight, valid)


def symmetric_divergence(logits: Tensor) -> Tensor:
    """Return the mean over texts of ½ (KL(p1‖p2) + KL(p2‖p1)), for the logits (2B, C) of two passes of B texts.

    Source: Wu et al. 2021, "R-Drop: Regularized Dropout for Neural Networks", equation 2.
    """
    first, second = torch.log_softmax(_to_float32(logits), dim=-1).chunk(2)  # (B, C) each
    return ((first.exp() - second.exp()) * (first - second)).sum(dim=-1).mean() / 2


def reduce(anchor_losses: AnchorLosses, reduction: Literal["mean", "sum"] = "mean") -> Tensor:
    """Return the mean or the sum over the anchors that have a loss; 0, with a gradient, if no anchor has one."""
    total = anchor_losses.values.masked_fill(~anchor_losses.valid, 0).sum()
    return total if reduction == "sum" else total / anchor_losses.valid.sum().clamp(min=1)


def _weighted_contrast(similarity: Tensor, labels: Tensor, weighting_logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return log sum_{k != i} w_i,y_k exp s_ik - mean_{p in P_i} s_ip; log w_i,y_i; the anchors' mask.

    All three have shape (B,). The mask is True for the anchors that have a loss.
    """
    positive, valid = _positive_pairs(labels, len(similarity))
    similarity = _replace_invalid_rows(similarity, valid)
    log_weights = torch.log_softmax(_to_float32(weighting_logits), dim=-1)  # (B, C)
    true_class_log_weight = log_weights.gather(1, labels[: len(similarity), None]).squeeze(1)  # (B,)
    denominator = torch.logsumexp(similarity + log_weights[:, labels], dim=-1)  # (B,)
    return denominator - _mean_over_positives(similarity, positive), true_class_log_weight, valid


def _to_float32(tensor: Tensor) -> Tensor:
    """Return the tensor in float32, or unchanged if it is more precise."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def jaccard_overlaps(label_sets: Tensor, anchors: int) -> Tensor:
    """Return |Y_i ∩ Y_k| / |Y_i ∪ Y_k| (B, K) for the first B of the label sets (K, C); 0 for two empty sets."""
    label_sets = label_sets.float()
    shared = label_sets[:anchors] @ label_sets.T  # (B, K)
    sizes = label_sets.sum(dim=-1)  # (K,)
    return shared / (sizes[:anchors, None] + sizes[None, :] - shared).clamp(min=1)


def _positive_pairs(labels: Tensor, anchors: int) -> tuple[Tensor, Tensor]:
    """Return the weights of each anchor's positives (B, K), and a mask of the anchors that have any (B,).

    The weights are 1 for the positives and 0 for the others; of label sets, their Jaccard overlaps.
    """
    if labels.dim() == 1:
        weights = (labels[:anchors, None] == labels[None, :]).float()
    else:
        weights = jaccard_overlaps(labels, anchors)
    weights.fill_diagonal_(0)
    return weights, weights.any(dim=-1)


def _replace_invalid_rows(similarity: Tensor, valid: Tensor) -> Tensor:
    """Set the similarities of anchors without a loss to 0.

    An anchor alone in its batch has no similarity but -inf, whose logarithm has no gradient.
    """
    return similarity.masked_fill(~valid[:, None], 0)


def _mean_over_positives(similarity: Tensor, weights: Tensor) -> Tensor:
    """Return each anchor's mean similarity with its positives (B,), weighted by `weights` (B, K); 0 if it has none."""
    total = weights.sum(dim=-1)
    weighted = similarity.masked_fill(weights == 0, 0) * weights  # similarities with itself are -inf
    return weighted.sum(dim=-1) / total.masked_fill(total == 0, 1)
