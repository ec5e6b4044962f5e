"""A model's figures on a split."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from sweeper.config import TrainConfig
from sweeper.learn import batches, device, metrics
from sweeper.learn.model import Classifier
from sweeper.ports import TrainingData


@dataclass(frozen=True)
class Scored:
    """Figures by name, and the predicted class of each text in the split's order (N,)."""

    figures: dict[str, float]
    predictions: NDArray[np.int64]


@torch.no_grad()
def score(model: Classifier, data: TrainingData, name: str, config: TrainConfig) -> Scored:
    """Loss (mean cross entropy of the classifier), accuracy and F1 of the model on a split."""
    split = data.splits[name]
    place = next(model.parameters()).device
    chosen = device.precision(config.precision, place)
    model.eval()
    predictions, loss = np.empty(len(split), dtype=np.int64), torch.zeros((), device=place)
    for rows in batches.by_length(split, max(64, config.batch_size)):
        batch = batches.collate(split, rows, config.max_length, data.encoder.padding).to(place)
        with device.autocast(chosen, place):
            logits = model(batch.ids, batch.mask, weigh=False).logits.float()
        loss += functional.cross_entropy(logits, batch.labels, reduction="sum")
        predictions[rows] = logits.argmax(dim=-1).cpu().numpy()
    counts = metrics.confusion(split.labels, predictions, len(data.labels))
    return Scored({"loss": float(loss) / len(split), **metrics.figures(counts)}, predictions)
