"""The total loss of a training, with its components for the report."""

from collections.abc import Callable

import torch
from torch import Tensor

from sweeper.data.dataset_spec import Task
from sweeper.training import losses
from sweeper.training.config import TrainConfig
from sweeper.training.feature_memory import FeatureMemory
from sweeper.training.losses import AnchorLosses
from sweeper.training.model import ClassifierOutput
from sweeper.training.named_function import load_function
from sweeper.training.registry import LOSSES
from sweeper.training.tasks import TASKS


class TrainingLoss:
    """The loss of a training, as a function of a batch's outputs and labels, and of a memory of the batches before."""

    def __init__(
        self,
        config: TrainConfig,
        class_weights: Tensor | None,
        task: Task = "single_label",
        prototypes: Tensor | None = None,
    ) -> None:
        """Weigh the classes by `class_weights` (C,) in every cross entropy; equally if it is None.

        `prototypes` (C, F) are those of the model, which the loss trains; None if it has none.
        """
        self.config, self.class_weights, self.prototypes = config, class_weights, prototypes
        self._cross_entropy: Callable[..., Tensor] = load_function(TASKS[task].cross_entropy)
        self.has_weighting_network = LOSSES[config.loss].has_weighting_network
        term = LOSSES[config.loss].contrastive_term
        self.memory = FeatureMemory(0 if term is None else config.memory)
        self.contrastive_term: Callable[..., AnchorLosses] | None = None if term is None else load_function(term)

    def components(self, outputs: ClassifierOutput, labels: Tensor) -> dict[str, Tensor]:
        """Return `train/loss`, which is minimized, and its components: scalars, named as in a report.

        Labels are classes (B,) or label sets (B, C).

        The total is alpha · (sum of the cross entropies) + (1 - alpha) · contrastive (Modarres & Raeisi, section
        3.4), and consistency · (the divergence of two passes) if that is used. Minimizing it pushes
        `weights/true_class`, the mean of w_i,y_i, down; only the weighting network's own cross entropy counteracts
        that. If texts have several passes, all texts of the first pass come before those of the second.
        """
        components = {"train/ce": self.cross_entropy(outputs.logits, labels)}
        total = components["train/ce"]
        if self.contrastive_term is not None:
            contrastive = self._contrastive_total(outputs, labels, total)
            total, components = contrastive["train/loss"], components | contrastive
        if self.config.is_consistent:
            components["train/divergence"] = losses.symmetric_divergence(outputs.logits)
            total = total + self.config.consistency * components["train/divergence"]
        return components | {"train/loss": total}

    def _contrastive_total(
        self, outputs: ClassifierOutput, labels: Tensor, cross_entropies: Tensor
    ) -> dict[str, Tensor]:
        """Return the total with the contrastive term as `train/loss`, and the components that it adds."""
        components: dict[str, Tensor] = {}
        if outputs.weighting_logits is not None:
            components["train/weighting_ce"] = self.cross_entropy(outputs.weighting_logits, labels)
            weights = torch.softmax(outputs.weighting_logits.detach().float(), dim=-1)  # (B, C)
            components["weights/true_class"] = weights.gather(1, labels[:, None]).mean()
            cross_entropies = cross_entropies + components["train/weighting_ce"]
        components |= self.contrastive_components(outputs, labels)
        alpha = self.config.alpha
        return {"train/loss": alpha * cross_entropies + (1 - alpha) * components["train/contrastive"], **components}

    def contrastive_components(self, outputs: ClassifierOutput, labels: Tensor) -> dict[str, Tensor]:
        """Return the contrastive term, and `anchors/without_positive`, the share of anchors that have no positive.

        It takes the first `views` passes of each text. Afterwards the memory has them too.
        """
        rows = len(labels) * self.config.views // self.config.passes
        outputs, labels = outputs.first(rows), labels[:rows]
        anchor_losses = self._anchor_losses(outputs, labels)
        self.memory.add(outputs.features, labels)
        return {
            "train/contrastive": losses.reduce(anchor_losses, self.config.reduction),
            "anchors/without_positive": 1 - anchor_losses.valid.float().mean(),
        }

    def cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross entropy of logits (B, C), with the config's label smoothing and class weights."""
        return self._cross_entropy(
            logits.float(), labels, weight=self.class_weights, label_smoothing=self.config.label_smoothing
        )

    def _anchor_losses(self, outputs: ClassifierOutput, labels: Tensor) -> AnchorLosses:
        """Return the loss of each text of a batch, compared with batch, memory and prototypes."""
        assert self.contrastive_term is not None
        other_features = [tensor for tensor in (self.memory.features, self.prototypes) if tensor is not None]
        similarity = losses.similarity_matrix(
            outputs.features, self.config.tau, normalize=self.config.normalize, others=other_features
        )
        labels = self.memory.with_labels(labels)
        if self.prototypes is not None:
            labels = torch.cat([labels, torch.arange(len(self.prototypes), device=labels.device)])
        if not self.has_weighting_network:
            return self.contrastive_term(similarity, labels)
        assert outputs.weighting_logits is not None
        weighting_logits = outputs.weighting_logits.detach() if self.config.detach_weights else outputs.weighting_logits
        return self.contrastive_term(similarity, labels, weighting_logits)


def balanced_class_weights(labels: Tensor, num_classes: int) -> Tensor:
    """Return weights (C,) inverse to each class's share of `labels` (N,): N / (C · n_c), 0 for an absent class."""
    counts = torch.bincount(labels, minlength=num_classes)
    weights = len(labels) / (num_classes * counts.clamp(min=1).float())
    return weights.masked_fill(counts == 0, 0)
