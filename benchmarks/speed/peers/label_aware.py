"""A classifier with the label-aware contrastive loss (LCL), as a user of transformers would write it.

`looped_loss` is that of the first paper's code (Suresh & Ong, "Not All Negatives are Equal"): the weights of the
batch's classes are filled into a matrix by two nested Python loops. `vectorized_loss` computes the same by indexing.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel

ALPHA, TAU = 0.5, 0.3  # those of the first paper's code


class LabelAwareClassifier(nn.Module):
    """An encoder with a linear classifier, and a weighting network: a second encoder, or a head on the first one."""

    def __init__(self, folder: Path, num_classes: int, weighting: str, *, looped: bool = False) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(folder)
        width = self.encoder.config.hidden_size
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(width, num_classes))
        self.weighting_encoder = AutoModel.from_pretrained(folder) if weighting == "separate" else None
        self.weighting_classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(width, num_classes))
        self.contrastive_loss = looped_loss if looped else vectorized_loss

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Any]:
        """Return the loss and the logits (B, C)."""
        features = self.encoder(input_ids, attention_mask).last_hidden_state[:, 0]  # (B, D)
        others = features
        if self.weighting_encoder is not None:
            others = self.weighting_encoder(input_ids, attention_mask).last_hidden_state[:, 0]
        logits, weighting_logits = self.classifier(features), self.weighting_classifier(others)
        ce = functional.cross_entropy(logits, labels) + functional.cross_entropy(weighting_logits, labels)
        contrast = self.contrastive_loss(features.float(), weighting_logits.float(), labels)
        return {"loss": ALPHA * ce + (1 - ALPHA) * contrast, "logits": logits}


def looped_loss(features: Tensor, weighting_logits: Tensor, labels: Tensor) -> Tensor:
    """Return LCL as the first paper's code computes it, with the anchors that have no positive left out."""
    weights = torch.softmax(weighting_logits, dim=1)  # (B, C)
    matrix = torch.zeros(len(labels), len(labels), device=features.device)
    for i, _ in enumerate(labels):
        for j, label in enumerate(labels):
            matrix[i, j] = weights[i, label]
    return _mean_over_anchors(features, matrix, weights, labels)


def vectorized_loss(features: Tensor, weighting_logits: Tensor, labels: Tensor) -> Tensor:
    """Return the same loss without a loop."""
    weights = torch.softmax(weighting_logits, dim=1)
    return _mean_over_anchors(features, weights[:, labels], weights, labels)


def _mean_over_anchors(features: Tensor, matrix: Tensor, weights: Tensor, labels: Tensor) -> Tensor:
    features = functional.normalize(features, dim=1)
    similarity = features @ features.T / TAU  # (B, B)
    similarity = similarity - similarity.max(dim=1, keepdim=True).values.detach()
    others = 1 - torch.eye(len(labels), device=features.device)
    positive = (labels[:, None] == labels[None, :]).float() * others
    log_probability = similarity - torch.log((torch.exp(similarity) * others * matrix).sum(1, keepdim=True))
    mean = (positive * log_probability).sum(1) / positive.sum(1).clamp(min=1)
    own_weight = weights.gather(1, labels[:, None]).squeeze(1)
    return -(own_weight * mean).sum() / (positive.sum(1) > 0).sum().clamp(min=1)
