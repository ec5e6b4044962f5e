"""Evaluate a model on a split: metrics, probabilities, features, and the class weights that LCL has learned."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeper.training import batching
from sweeper.training.batching import Batch
from sweeper.training.config import TrainConfig
from sweeper.training.device import autocast, resolve_precision
from sweeper.training.model import Classifier
from sweeper.training.named_function import load_function
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.tasks import TASKS
from sweeper.training.types import Heartbeat, Predictions, TrainingData

_MIN_BATCH_SIZE = 64  # scoring needs less memory than training, so small batches would only be slow


def scored_batch_size(config: TrainConfig) -> int:
    """Return the number of texts in a batch that is scored."""
    return max(_MIN_BATCH_SIZE, config.batch_size)


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, and the predictions for the texts in the split's order."""

    metrics: dict[str, float]
    predictions: Predictions

    @property
    def predicted_classes(self) -> NDArray[np.int64]:
        """The most probable class of each text (N,), or the predicted label sets (N, C)."""
        return self.predictions.predicted_classes

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """The probability of each class (N, C)."""
        return self.predictions.probabilities


def evaluate(
    model: Classifier,
    data: TrainingData,
    split: str,
    config: TrainConfig,
    thresholds: NDArray[np.float64] | None = None,
) -> Evaluation:
    """Return the model's loss (mean cross entropy of the classifier), its other metrics and its predictions on a split.

    `thresholds` are needed for the test split, if the task has some; see `evaluate_events`.
    """
    events = evaluate_events(model, data, split, config, thresholds=thresholds)
    while True:
        try:
            next(events)
        except StopIteration as end:
            return cast("Evaluation", end.value)


@torch.no_grad()
def evaluate_events(
    model: Classifier,
    data: TrainingData,
    split: str,
    config: TrainConfig,
    objective: ObjectiveMetric | None = None,
    thresholds: NDArray[np.float64] | None = None,
) -> Generator[Heartbeat, None, Evaluation]:
    """Evaluate as `evaluate` does, with a heartbeat after each batch. The metrics include the objective's.

    If the task has thresholds, and none are given, they are tuned on this split, which then must not be test.
    """
    task = TASKS[data.task]
    cross_entropy, to_probabilities = load_function(task.cross_entropy), load_function(task.probabilities)
    tokens, num_classes = data.splits[split], len(data.class_names)
    device = next(model.parameters()).device
    probabilities = np.empty((len(tokens), num_classes), dtype=np.float32)
    loss = torch.zeros((), device=device)
    for rows, batch in _batches(model, data, split, config):
        with autocast(resolve_precision(config.precision, device), device):
            logits = model(batch, weigh=False).logits.float()
        loss += cross_entropy(logits, batch.labels, reduction="sum")
        probabilities[rows] = to_probabilities(logits).cpu().numpy()
        yield Heartbeat()
    if task.thresholds is not None and thresholds is None:
        assert split != "test", "thresholds are not tuned on test"
        thresholds = load_function(task.thresholds)(tokens.labels, probabilities)
    predictions = Predictions(tokens.labels, probabilities, thresholds)
    metrics = load_function(task.metrics)(predictions, data.class_names, objective.name if objective else None)
    return Evaluation({"loss": float(loss) / len(tokens), **metrics}, predictions)


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
