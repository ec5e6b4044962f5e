"""The phases of a training: everything at once, or first an encoder and then a classifier on its frozen features."""

from dataclasses import dataclass
from typing import Literal

from sweeper.training.config import TrainConfig
from sweeper.training.registry import LOSSES


@dataclass(frozen=True)
class Phase:
    """Epochs that share an optimizer. `end_epoch` is the number of epochs of the training up to the phase's end.

    `joint` trains everything. `contrastive` trains everything but the classifier, and has no validation. `classifier`
    trains only the classifier, on features that no longer change.
    """

    kind: Literal["joint", "contrastive", "classifier"]
    peak_learning_rate: float
    epochs: int
    end_epoch: int


def training_phases(config: TrainConfig) -> tuple[Phase, ...]:
    """Return the phases of a training, in order (two phases: Modarres & Raeisi, section 3.3)."""
    if not LOSSES[config.loss].has_two_phases:
        return (Phase("joint", config.learning_rate, config.epochs, config.epochs),)
    first = Phase("contrastive", config.learning_rate, config.contrastive_epochs, config.contrastive_epochs)
    return (first, Phase("classifier", config.classifier_learning_rate, config.epochs, config.total_epochs))


def phase_of_epoch(config: TrainConfig, epoch: int) -> Phase:
    """Return the phase that contains the epoch with this index (from 0)."""
    return next(phase for phase in training_phases(config) if epoch < phase.end_epoch)
