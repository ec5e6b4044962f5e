"""Evaluate a model on a split: metrics, probabilities, features, and the class weights that LCL has learned."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sweeper.training import batching, metrics
from sweeper.training.batching import Batch
from sweeper.training.config import TrainConfig
from sweeper.training.device import autocast, resolve_precision
from sweeper.training.model import Classifier
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.types import Heartbeat, TrainingData

_MIN_BATCH_SIZE = 64  # scoring needs less memory than training, so small batches would only be slow


def scored_batch_size(config: TrainConfig) -> int:
    """Return the number of texts in a batch that is scored."""
    return max(_MIN_BATCH_SIZE, config.batch_size)


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, and the class probabilities of each text in the split's order (N, C)."""

    metrics: dict[str, float]
    probabilities: NDArray[np.float32]

    @property
    def predicted_classes(self) -> NDArray[np.int64]:
        """The most probable class of each text (N,)."""
        predictions: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return predictions


def evaluate(model: Classifier, data: TrainingData, split: str, config: TrainConfig) -> Evaluation:
    """Return the model's loss (mean cross entropy of the classifier), accuracy and F1 on a split."""
    events = evaluate_events(model, data, split, config)
    while True:
        try:
            next(events)
        except StopIteration as end:
            return cast("Evaluation", end.value)


@torch.no_grad()
def evaluate_events(
    model: Classifier, data: TrainingData, split: str, config: TrainConfig, objective: ObjectiveMetric | None = None
) -> Generator[Heartbeat, None, Evaluation]:
    """Evaluate as `evaluate` does, with a heartbeat after each batch. The metrics include the objective's."""
    tokens, num_classes = data.splits[split], len(data.class_names)
    device = next(model.parameters()).device
    probabilities = np.empty((len(tokens), num_classes), dtype=np.float32)
    loss = torch.zeros((), device=device)
    for rows, batch in _batches(model, data, split, config):
        with autocast(resolve_precision(config.precision, device), device):
            logits = model(batch, weigh=False).logits.float()
        loss += functional.cross_entropy(logits, batch.labels, reduction="sum")
        probabilities[rows] = logits.softmax(dim=-1).cpu().numpy()
        yield Heartbeat()
    confusion = metrics.confusion_matrix(tokens.labels, probabilities.argmax(axis=1), num_classes)
    found = {"loss": float(loss) / len(tokens), **metrics.classification_metrics(confusion)}
    name = objective.name if objective else "loss"
    if name not in found:
        found[name] = metrics.compute_metric(name, tokens.labels, probabilities, data.class_names)
    return Evaluation(found, probabilities)


@torch.no_grad()
def mean_class_weights(
    model: Classifier, data: TrainingData, split: str, config: TrainConfig
) -> Generator[Heartbeat, None, NDArray[np.float32] | None]:
    """Return the mean weight that the weighting network gives each class (column) by true class (row): (C, C).

    None for a model without a weighting network. Rows of classes that the split does not have are NaN.
    """
    if model.weighting is None:
        return None
    device, num_classes = next(model.parameters()).device, len(data.class_names)
    sums = torch.zeros(num_classes, num_classes, device=device)
    for _, batch in _batches(model, data, split, config):
        with autocast(resolve_precision(config.precision, device), device):
            logits = model(batch).weighting_logits
        sums.index_add_(0, batch.labels, logits.float().softmax(dim=-1))
        yield Heartbeat()
    counts = np.bincount(data.splits[split].labels, minlength=num_classes)[:, None].astype(np.float32)
    with np.errstate(invalid="ignore"):
        return (sums.cpu().numpy() / counts).astype(np.float32)


@torch.no_grad()
def encode_split(
    model: Classifier, data: TrainingData, split: str, config: TrainConfig
) -> Generator[Heartbeat, None, Tensor]:
    """Return the encoder's features of a split, without dropout, in the split's order: (N, F) in float32.

    The generator returns them, and yields a heartbeat after each batch.
    """
    device = next(model.parameters()).device
    features: Tensor | None = None
    for rows, batch in _batches(model, data, split, config):
        batch_features = encode_batch(model, batch, config)
        if features is None:
            features = torch.empty(len(data.splits[split]), batch_features.shape[1], device=device)
        features[torch.from_numpy(rows)] = batch_features
        yield Heartbeat()
    assert features is not None
    return features


@torch.no_grad()
def encode_batch(model: Classifier, batch: Batch, config: TrainConfig) -> Tensor:
    """Return the encoder's features of a batch, without dropout: (B, F) in float32. The model's mode is restored."""
    training, device = model.training, batch.ids.device
    model.eval()
    with autocast(resolve_precision(config.precision, device), device):
        features = model.features(batch).float()
    model.train(training)
    return features


def _batches(
    model: Classifier, data: TrainingData, split: str, config: TrainConfig
) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """Set the model to evaluation mode, and yield the split's row numbers and batches on the model's device."""
    device = next(model.parameters()).device
    model.eval()
    for rows in batching.sorted_batches(data.splits[split], scored_batch_size(config)):
        yield rows, batching.collate(data.splits[split], rows, config.max_length, data.encoder.padding).to(device)
