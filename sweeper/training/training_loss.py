"""What a training minimises: the losses of a config put together, each part kept for the report."""

import torch
from torch import Tensor
from torch.nn import functional

from sweeper.training import losses
from sweeper.training.config import WEIGHTED, TrainConfig
from sweeper.training.losses import PerAnchor
from sweeper.training.model import ClassifierOutput


class TrainingLoss:
    """The loss of one phase of a training, as a function of a batch's outputs and labels."""

    def __init__(self, config: TrainConfig, class_weights: Tensor | None) -> None:
        """`class_weights` (C,) are those of `balanced`, or None."""
        self.config, self.class_weights = config, class_weights

    def components(self, outputs: ClassifierOutput, labels: Tensor) -> dict[str, Tensor]:
        """`train/loss`, which is minimised, and what it is made of, for labels (B,): scalars, named as in a Report.

        The total is alpha · (sum of the cross entropies) + (1 - alpha) · contrastive (Modarres & Raeisi, section
        3.4). The loss itself pushes `weights/true_class`, the mean of w_i,y_i, down; only the weighting network's own
        cross entropy holds against that.
        """
        parts = {"train/ce": self.cross_entropy(outputs.logits, labels)}
        if self.config.loss == "ce":
            return {"train/loss": parts["train/ce"], **parts}
        both = parts["train/ce"]
        if outputs.weighting is not None:
            parts["train/weighting_ce"] = self.cross_entropy(outputs.weighting, labels)
            weights = torch.softmax(outputs.weighting.detach().float(), dim=-1)
            parts["weights/true_class"] = weights.gather(1, labels[:, None]).mean()
            both = both + parts["train/weighting_ce"]
        parts |= self.contrastive_components(outputs, labels)
        alpha = self.config.alpha
        return {"train/loss": alpha * both + (1 - alpha) * parts["train/contrastive"], **parts}

    def contrastive_components(self, outputs: ClassifierOutput, labels: Tensor) -> dict[str, Tensor]:
        """The contrastive term, and `anchors/without_positive`, the share of anchors that have none."""
        per_anchor = self._per_anchor(outputs, labels)
        return {
            "train/contrastive": losses.reduce(per_anchor, self.config.reduction),
            "anchors/without_positive": 1 - per_anchor.valid.float().mean(),
        }

    def cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean cross entropy of logits (B, C), with the config's smoothing and class weights."""
        return functional.cross_entropy(
            logits.float(), labels, weight=self.class_weights, label_smoothing=self.config.label_smoothing
        )

    def _per_anchor(self, outputs: ClassifierOutput, labels: Tensor) -> PerAnchor:
        config = self.config
        similarity = losses.similarity_matrix(outputs.features, config.tau, normalize=config.normalize)
        if config.loss in WEIGHTED:
            assert outputs.weighting is not None
            weighting = outputs.weighting.detach() if config.detach_weights else outputs.weighting
            return losses.label_aware_contrastive(similarity, labels, weighting, inside=config.loss == "lcl_inside")
        if config.loss == "scl_set_tau":
            similarity = losses.scale_by_positives(similarity, labels)
        return losses.supervised_contrastive(similarity, labels)


def balanced_class_weights(labels: Tensor, classes: int) -> Tensor:
    """Weights (C,) inverse to each class's share of `labels` (N,): N / (C · n_c), 0 for a class that is not there."""
    counts = torch.bincount(labels, minlength=classes)
    weights = len(labels) / (classes * counts.clamp(min=1).float())
    return weights.masked_fill(counts == 0, 0)
