"""The training of one phase: the gradients and updates of its batches."""

import math
from collections.abc import Generator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sweeper.training import batching
from sweeper.training.averaging import Averaging
from sweeper.training.batching import Batch
from sweeper.training.device import autocast
from sweeper.training.evaluation import encode_batch, encode_split
from sweeper.training.gradient_cache import backward_in_chunks
from sweeper.training.model import ClassifierOutput
from sweeper.training.optimizer import Optimizer
from sweeper.training.phases import Phase
from sweeper.training.registry import LOSSES, POOLINGS
from sweeper.training.training_setup import TrainingSetup
from sweeper.training.types import Heartbeat


class PhaseTrainer:
    """Trains the batches of one phase with an optimizer of its own."""

    def __init__(self, setup: TrainingSetup, phase: Phase, average: Averaging | None = None) -> None:
        """Prepare the phase. `average` follows its weights; a phase without validations has nothing to average."""
        self.setup, self.phase = setup, phase
        config, model = setup.config, setup.model
        module = model.classifier if phase.kind == "classifier" else model
        factors = {} if phase.kind == "classifier" else model.learning_rate_factors(config.layer_decay)
        num_updates = math.ceil(setup.batches_per_epoch / config.accumulate) * phase.epochs
        self.optimizer = Optimizer(
            config, module, phase.peak_learning_rate, num_updates, setup.precision, setup.device, factors
        )
        self.average = None if phase.kind == "contrastive" else average
        if self.average is not None:
            trained_ids = {id(parameter) for parameter in self.optimizer.parameters}
            self.average.enter_phase(
                {name: parameter for name, parameter in model.named_parameters() if id(parameter) in trained_ids}
            )
        is_contrastive = LOSSES[config.loss].contrastive_term is not None and phase.kind != "classifier"
        self.caches_gradients = config.gradient_cache and config.accumulate > 1 and is_contrastive
        self.features: Tensor | None = None  # (N, F) of the training split, if they are precomputed

    def precompute_features(self) -> Generator[Heartbeat, None, None]:
        """Encode the training split once if the encoder is frozen.

        Poolings that keep the vectors of all tokens are left out: their features would need too much memory.
        """
        config = self.setup.config
        if self.phase.kind == "classifier" and not POOLINGS[config.pooling].keeps_all_tokens:
            self.features = yield from encode_split(self.setup.model, self.setup.data, "train", config)

    def train(self, batches: Sequence[NDArray[np.int64]], index: int) -> dict[str, Tensor]:
        """Train batch number `index` (from 0) of an epoch's batches, and return the loss's components.

        If gradients are cached, nothing happens until the last batch of an update. The components are then those of all
        its batches together, and otherwise there are none.
        """
        if not self.caches_gradients:
            return self.train_batch(batches[index], index, len(batches))
        if not self._is_update_due(index, len(batches)):
            return {}
        first = index - index % self.setup.config.accumulate
        components = backward_in_chunks(
            [self._collate(rows) for rows in batches[first : index + 1]],
            self.setup.config.passes,
            self._encode,
            self._components,
            self.optimizer.backward,
        )
        self._update()
        return {name: value.detach() for name, value in components.items()}

    def train_batch(self, rows: NDArray[np.int64], index: int, batches_in_epoch: int) -> dict[str, Tensor]:
        """Train the texts in `rows`, batch number `index` (from 0) of its epoch, and return the loss's components.

        The weights are updated after every `accumulate` batches, and at the end of the epoch.
        """
        accumulate = self.setup.config.accumulate
        components = self._loss_components(rows)
        first_of_update = index - index % accumulate
        batches_in_update = min(accumulate, batches_in_epoch - first_of_update)
        self.optimizer.backward(components["train/loss"] / batches_in_update)
        if self._is_update_due(index, batches_in_epoch):
            self._update()
        return {name: value.detach() for name, value in components.items()}

    def _is_update_due(self, index: int, batches_in_epoch: int) -> bool:
        return (index + 1) % self.setup.config.accumulate == 0 or index + 1 == batches_in_epoch

    def _update(self) -> None:
        self.optimizer.update()
        if self.average is not None:
            self.average.update()

    def _loss_components(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """Return `train/loss`, which this phase minimizes, and its components."""
        setup = self.setup
        if self.features is not None:
            return self._classifier_loss(self.features[rows], setup.labels[rows].to(setup.device))
        batch = self._collate(rows)
        if self.phase.kind == "classifier":
            return self._classifier_loss(encode_batch(setup.model, batch, setup.config), batch.labels)
        return self._components(self._encode(batch), batch.labels)

    def _collate(self, rows: NDArray[np.int64]) -> Batch:
        """Return these texts on the device, as often as they pass through the model."""
        setup = self.setup
        batch = batching.collate(setup.split, rows, setup.config.max_length, setup.data.encoder.padding)
        passes = 1 if self.phase.kind == "classifier" else setup.config.passes
        return batch.to(setup.device).repeat(passes)

    def _encode(self, batch: Batch) -> ClassifierOutput:
        with autocast(self.setup.precision, self.setup.device):
            outputs: ClassifierOutput = self.setup.model(batch)
        return outputs

    def _components(self, outputs: ClassifierOutput, labels: Tensor) -> dict[str, Tensor]:
        if self.phase.kind == "contrastive":
            components = self.setup.loss.contrastive_components(outputs, labels)
            return {"train/loss": components["train/contrastive"], **components}
        return self.setup.loss.components(outputs, labels)

    def _classifier_loss(self, features: Tensor, labels: Tensor) -> dict[str, Tensor]:
        loss = self.setup.loss.cross_entropy(self.setup.model.classifier(features), labels)
        return {"train/loss": loss, "train/ce": loss}
