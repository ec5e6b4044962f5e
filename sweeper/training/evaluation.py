"""What a model makes of a split: figures, probabilities, and the weights that LCL has learned between classes."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sweeper.training import batching, device, metrics
from sweeper.training.batching import Batch
from sweeper.training.config import TrainConfig
from sweeper.training.model import Classifier
from sweeper.training.types import Heartbeat, TrainingData


@dataclass(frozen=True)
class Evaluation:
    """Figures by name, and the probabilities of each text's classes in the split's order (N, C)."""

    metrics: dict[str, float]
    probabilities: NDArray[np.float32]

    @property
    def predictions(self) -> NDArray[np.int64]:
        """The class that is given to each text (N,)."""
        found: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return found


def evaluate(model: Classifier, data: TrainingData, name: str, config: TrainConfig) -> Evaluation:
    """Loss (mean cross entropy of the classifier), accuracy and F1 of the model on a split."""
    signs = evaluate_events(model, data, name, config)
    while True:
        try:
            next(signs)
        except StopIteration as end:
            return cast("Evaluation", end.value)


@torch.no_grad()
def evaluate_events(
    model: Classifier, data: TrainingData, name: str, config: TrainConfig
) -> Generator[Heartbeat, None, Evaluation]:
    """`score`, with a sign of life after each batch."""
    split = data.splits[name]
    place = next(model.parameters()).device
    probabilities = np.empty((len(split), len(data.labels)), dtype=np.float32)
    loss = torch.zeros((), device=place)
    for rows, batch in _batches(model, data, name, config):
        with device.autocast(device.resolve_precision(config.precision, place), place):
            logits = model(batch, weigh=False).logits.float()
        loss += functional.cross_entropy(logits, batch.labels, reduction="sum")
        probabilities[rows] = logits.softmax(dim=-1).cpu().numpy()
        yield Heartbeat()
    counts = metrics.confusion_matrix(split.labels, probabilities.argmax(axis=1), len(data.labels))
    return Evaluation({"loss": float(loss) / len(split), **metrics.classification_metrics(counts)}, probabilities)


@torch.no_grad()
def mean_class_weights(
    model: Classifier, data: TrainingData, name: str, config: TrainConfig
) -> Generator[Heartbeat, None, NDArray[np.float32] | None]:
    """The mean weight that the weighting network gives each class (column) for texts of each true class (row): (C, C).

    None for a model without a weighting network, and NaN in the rows of classes that the split does not have.
    """
    if model.weighting is None:
        return None
    place, classes = next(model.parameters()).device, len(data.labels)
    sums = torch.zeros(classes, classes, device=place)
    for _, batch in _batches(model, data, name, config):
        with device.autocast(device.resolve_precision(config.precision, place), place):
            weighting = model(batch).weighting
        sums.index_add_(0, batch.labels, weighting.float().softmax(dim=-1))
        yield Heartbeat()
    counts = np.bincount(data.splits[name].labels, minlength=classes)[:, None].astype(np.float32)
    with np.errstate(invalid="ignore"):
        return (sums.cpu().numpy() / counts).astype(np.float32)


@torch.no_grad()
def encode_split(
    model: Classifier, data: TrainingData, name: str, config: TrainConfig
) -> Generator[Heartbeat, None, Tensor]:
    """The encoder's features of a split, without dropout, in the split's order, (N, F) in float32.

    They are what the generator returns; it gives a sign of life after each batch.
    """
    place = next(model.parameters()).device
    features: Tensor | None = None
    for rows, batch in _batches(model, data, name, config):
        found = encode_batch(model, batch, config)
        if features is None:
            features = torch.empty(len(data.splits[name]), found.shape[1], device=place)
        features[torch.from_numpy(rows)] = found
        yield Heartbeat()
    assert features is not None
    return features


@torch.no_grad()
def encode_batch(model: Classifier, batch: Batch, config: TrainConfig) -> Tensor:
    """The encoder's features of a batch, without dropout: (B, F) in float32. The model's mode is as it was."""
    training = model.training
    model.eval()
    with device.autocast(device.resolve_precision(config.precision, batch.ids.device), batch.ids.device):
        found = model.features(batch).float()
    model.train(training)
    return found


def _batches(
    model: Classifier, data: TrainingData, name: str, config: TrainConfig
) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """The texts of a split for the model as it predicts: row numbers, and the batch of them on its device."""
    place = next(model.parameters()).device
    model.eval()
    for rows in batching.sorted_batches(data.splits[name], max(64, config.batch_size)):
        yield rows, batching.collate(data.splits[name], rows, config.max_length, data.encoder.padding).to(place)
