"""The cross entropies and probabilities of the tasks, as functions of logits (B, C)."""

from typing import Literal

from torch import Tensor
from torch.nn import functional


def of_classes(
    logits: Tensor,
    labels: Tensor,
    *,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    reduction: Literal["mean", "sum"] = "mean",
) -> Tensor:
    """Return the cross entropy of classes (B,) over the texts."""
    return functional.cross_entropy(logits, labels, weight=weight, label_smoothing=label_smoothing, reduction=reduction)


def of_label_sets(
    logits: Tensor,
    labels: Tensor,
    *,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    reduction: Literal["mean", "sum"] = "mean",
) -> Tensor:
    """Return the binary cross entropy of label sets (B, C): of each text the mean over the labels.

    Labels are neither weighted nor smoothed.
    """
    of_texts = functional.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype), reduction="none").mean(-1)
    return of_texts.sum() if reduction == "sum" else of_texts.mean()


def class_probabilities(logits: Tensor) -> Tensor:
    """Return the softmax of logits: the probabilities of a text's classes, which sum to 1."""
    return logits.softmax(dim=-1)


def label_probabilities(logits: Tensor) -> Tensor:
    """Return the sigmoid of logits: the probability of each label by itself."""
    return logits.sigmoid()
