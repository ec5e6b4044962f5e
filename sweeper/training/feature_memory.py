"""A memory of the features of past batches, with which the contrastive term compares the texts of a batch.

It is a queue: after each batch, its features and labels are added, and the oldest ones are dropped. The features are
not changed later, although the encoder moves on, and no gradient flows into them. Source: Wang et al. 2020,
"Cross-Batch Memory for Embedding Learning", algorithm 1.
"""

from collections.abc import Mapping

import torch
from torch import Tensor


class FeatureMemory:
    """The last `size` features and their labels, oldest first. It is empty at the start of a training."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.features: Tensor | None = None  # (M, D) in float32, M <= size; None while it is empty
        self.labels: Tensor | None = None  # (M,)

    def add(self, features: Tensor, labels: Tensor) -> None:
        """Add the features (B, D) and labels (B,) of a batch."""
        if not self.size:
            return
        features = features.detach().float()
        if self.features is None or self.labels is None:
            self.features, self.labels = features[-self.size :].clone(), labels[-self.size :].clone()
            return
        excess = max(0, len(self.features) + len(features) - self.size)
        first = max(0, excess - len(self.features))  # of the batch, if it is larger than the memory
        self.features = torch.cat([self.features[excess:], features[first:]])
        self.labels = torch.cat([self.labels[excess:], labels[first:]])

    def with_labels(self, labels: Tensor) -> Tensor:
        """Return labels (B,) of a batch and those in memory: (B + M,)."""
        return labels if self.labels is None else torch.cat([labels, self.labels])

    def state(self) -> dict[str, Tensor]:
        """Return the state for a checkpoint."""
        if self.features is None or self.labels is None:
            return {}
        return {"features": self.features, "labels": self.labels}

    def restore(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        """Continue from a state that `state` returned."""
        if state:
            self.features, self.labels = (state[name].to(device) for name in ("features", "labels"))
