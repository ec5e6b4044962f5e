"""A training by sweeper's own trainer that measures, before clipping, the gradient of each part of the loss."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.emoint.design import Order
from sweeper.training.batching import bucketed_batches, mean_classes
from sweeper.training.config import TrainConfig
from sweeper.training.evaluation import evaluate
from sweeper.training.gradient_norm import GradientNorm
from sweeper.training.model import ClassifierOutput
from sweeper.training.phase_trainer import PhaseTrainer
from sweeper.training.phases import phase_of_epoch
from sweeper.training.running_means import RunningMeans
from sweeper.training.training_loss import TrainingLoss
from sweeper.training.training_setup import prepare_training
from sweeper.training.types import TokenizedSplit, TrainingData

EVERY = 10  # batches from one measurement of gradients to the next


class MeasuredLoss(TrainingLoss):
    """The loss of a training. In every tenth batch, it measures the gradients of its two parts.

    They are those of all weights but the word embeddings'. `norms` has a row per measurement: the norms of alpha times
    the cross entropies, of (1 - alpha) times the contrastive term, and of the sum of both.
    """

    def __init__(self, config: TrainConfig, class_weights: Tensor | None, model: nn.Module) -> None:
        super().__init__(config, class_weights)
        parts = GradientNorm(model)
        self.embeddings, self.parameters, self.num_batches = parts.embeddings, parts.others, 0
        self.norms: list[tuple[float, float, float]] = []

    def components(self, outputs: ClassifierOutput, labels: Tensor) -> dict[str, Tensor]:
        """Return the components as TrainingLoss does."""
        components = super().components(outputs, labels)
        if self.num_batches % EVERY == 0 and "train/contrastive" in components:
            self.norms.append(self._measure(components))
        self.num_batches += 1
        return components

    def _measure(self, components: Mapping[str, Tensor]) -> tuple[float, float, float]:
        alpha = self.config.alpha
        entropies = components["train/ce"] + components.get("train/weighting_ce", 0.0)
        gradients = [self._gradient(alpha * entropies), self._gradient((1 - alpha) * components["train/contrastive"])]
        entropy, contrast, total = (float(part.norm()) for part in (*gradients, gradients[0] + gradients[1]))
        return entropy, contrast, total

    def _gradient(self, loss: Tensor) -> Tensor:
        """Return the gradient of a part of the loss as one vector. Leaves no gradient in the model."""
        loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        parts = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in self.parameters]
        gradient = torch.cat([part.flatten() for part in parts])
        for embedding in self.embeddings:
            embedding.clear_gradient()
        for weight in self.parameters:
            weight.grad = None
        return gradient


def train_measured(config: TrainConfig, data: TrainingData, order: Order) -> Iterator[dict[str, float]]:
    """Train, and yield the figures of each epoch. Ends early if the loss is not finite."""
    setup = prepare_training(config, data)
    loss = MeasuredLoss(config, setup.loss.class_weights, setup.model)
    setup = replace(setup, loss=loss)
    trainer = PhaseTrainer(setup, phase_of_epoch(config, 0))
    for epoch in range(config.epochs):
        batches, means = order_batches(setup.split, config, order, epoch), RunningMeans()
        setup.model.train()
        loss.norms.clear()
        for index in range(len(batches)):
            means.add(trainer.train(batches, index))
        figures = {"classes_per_batch": mean_classes(setup.split, batches), **means.means()}
        if not math.isfinite(figures["train/loss"]):
            return
        evaluation = evaluate(setup.model, data, "validation", config)
        scores = {f"validation/{name}": float(value) for name, value in evaluation.metrics.items()}
        yield {**figures, **scores, **summarize_norms(loss.norms, config.clip_norm)}


def order_batches(split: TokenizedSplit, config: TrainConfig, order: Order, epoch: int) -> list[NDArray[np.int64]]:
    """Return the batches of an epoch: sweeper's own, or consecutive texts of a file that is sorted by class."""
    if order == "shuffled":
        return bucketed_batches(split, config.batch_size, config.max_length, seed=config.seed, epoch=epoch)
    rows = np.argsort(split.labels, kind="stable")
    return [rows[start : start + config.batch_size] for start in range(0, len(rows), config.batch_size)]


def summarize_norms(norms: Sequence[tuple[float, float, float]], clip_norm: float) -> dict[str, float]:
    """Return medians over the measurements of an epoch; nothing for a loss without a contrastive term.

    `ratio` is the contrastive gradient by that of cross entropy, and `kept` the factor by which clipping scales both.
    """
    if not norms:
        return {}
    entropy, contrast, total = np.array(norms, dtype=np.float64).T
    figures = {
        "gradient/ce": entropy,
        "gradient/contrastive": contrast,
        "gradient/total": total,
        "gradient/ratio": contrast / np.maximum(entropy, 1e-12),
        "gradient/kept": np.minimum(1.0, clip_norm / np.maximum(total, 1e-12)),
    }
    return {name: float(np.median(values)) for name, values in figures.items()}
