"""What a training minimises: the losses of a config put together, each part kept for the report."""

import torch
from torch import Tensor
from torch.nn import functional

from sweeper.config import TrainConfig
from sweeper.learn import losses
from sweeper.learn.model import Outputs


def parts(config: TrainConfig, outputs: Outputs, labels: Tensor) -> dict[str, Tensor]:
    """The total `loss` and each of its parts for labels (B,), as means over the batch.

    For LCL also `weight_of_true_class`, the mean of w_i,y_i: the loss itself pushes it down, and only the weighting
    network's own cross entropy holds against that.
    """
    parts = {"ce": functional.cross_entropy(outputs.logits.float(), labels)}
    if config.loss == "ce":
        return {"loss": parts["ce"], **parts}
    similarity = losses.scores(outputs.features, config.tau, normalize=config.normalize)
    weighting = outputs.weighting
    if weighting is None:
        parts["contrastive"] = losses.reduce(losses.supervised_contrastive(similarity, labels))
        return {"loss": total(parts["ce"], parts["contrastive"], config.alpha), **parts}
    parts["weighting_ce"] = functional.cross_entropy(weighting.float(), labels)
    parts["contrastive"] = losses.reduce(losses.label_aware_contrastive(similarity, labels, weighting))
    weights = torch.softmax(weighting.detach().float(), dim=-1)
    parts["weight_of_true_class"] = weights.gather(1, labels[:, None]).mean()
    both = parts["ce"] + parts["weighting_ce"]
    return {"loss": total(both, parts["contrastive"], config.alpha), **parts}


def total(cross_entropy: Tensor, contrastive: Tensor, alpha: float) -> Tensor:
    """L_f = alpha · (sum of the cross entropies) + (1 - alpha) · contrastive (Modarres & Raeisi, section 3.4)."""
    return alpha * cross_entropy + (1 - alpha) * contrastive
