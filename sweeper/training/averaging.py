"""Weights that are validated and kept in place of those that training goes on with: `average` in a search space.

To add an average: write a class with the methods of Averaging, add an entry to AVERAGES in registry.py, and test both.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sweeper.training.config import TrainConfig
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.types import Heartbeat

Parameters = Mapping[str, nn.Parameter]
Validation = Generator[Heartbeat, None, dict[str, float]]
"""A validation under way; it returns the metrics, such as validation/accuracy."""


class Averaging(Protocol):
    """An average over the course of one training.

    The file of a best model has its `origin`, because the word embeddings that the training leaves out are averaged
    when the model is loaded (left_out_rows.py).
    """

    @property
    def origin(self) -> Mapping[str, Any]:
        """The making of the weights that were validated last."""

    def enter_phase(self, parameters: Parameters) -> None:
        """Begin anew with the parameters, by name, that a phase trains."""

    def update(self) -> None:
        """Take note of the weights after an update."""

    def validate(self, step: int, validate: Callable[[], Validation]) -> Validation:
        """Choose the weights of validation number `step`, and return their metrics.

        `validate` validates the model with the weights that it has at that moment.
        """

    def applied(self) -> AbstractContextManager[None]:
        """Give the model the weights that were validated last, until the context ends."""

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state` returned, after `enter_phase`."""


class LatestWeights:
    """No average: the weights as the last update left them."""

    def __init__(self, config: TrainConfig, objective: ObjectiveMetric) -> None:
        self.origin: Mapping[str, Any] = {}

    def enter_phase(self, parameters: Parameters) -> None:
        """Do nothing."""

    def update(self) -> None:
        """Do nothing."""

    def validate(self, step: int, validate: Callable[[], Validation]) -> Validation:
        """Return the metrics of the model as it is."""
        return (yield from validate())

    def applied(self) -> AbstractContextManager[None]:
        """Leave the model as it is."""
        return nullcontext()

    def state(self) -> dict[str, Any]:
        """Return nothing: there is no state."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Do nothing."""


@contextmanager
def replaced_weights(parameters: Parameters, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Give parameters other values, by name, until the context ends."""
    original_weights = {name: parameters[name].detach().clone() for name in weights}
    _copy(weights, parameters)
    try:
        yield
    finally:
        _copy(original_weights, parameters)


@torch.no_grad()
def _copy(weights: Mapping[str, Tensor], parameters: Parameters) -> None:
    for name, values in weights.items():
        parameters[name].copy_(values)
