"""The phases of a training: all at once, or an encoder first and then a classifier on its frozen features."""

from dataclasses import dataclass
from typing import Literal

from sweeper.training.config import TrainConfig


@dataclass(frozen=True)
class Phase:
    """Epochs with an optimiser of their own, whose peak rate is `rate`; `end` counts the epochs up to their end.

    `joint` trains everything; `contrastive` everything but the classifier, without a validation; `classifier` that
    alone, on features that no longer change.
    """

    kind: Literal["joint", "contrastive", "classifier"]
    peak_learning_rate: float
    epochs: int
    end_epoch: int


def training_phases(config: TrainConfig) -> tuple[Phase, ...]:
    """The phases of a training, in order (two: Modarres & Raeisi, section 3.3)."""
    if config.loss != "scl_two_phase":
        return (Phase("joint", config.learning_rate, config.epochs, config.epochs),)
    first = Phase("contrastive", config.learning_rate, config.contrastive_epochs, config.contrastive_epochs)
    return (first, Phase("classifier", config.classifier_learning_rate, config.epochs, config.total_epochs))
