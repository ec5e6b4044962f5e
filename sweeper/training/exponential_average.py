"""An exponential moving average of a training's weights over its updates.

e_t = (1 - d) · sum_{i <= t} d^(t - i) · w_i / (1 - d^t), for the weights w_i after update i and d = `ema_decay`. The
divisor removes the bias towards the start, as in Adam: the shares of all w_i add up to 1, and e_1 = w_1. Source: Kingma
& Ba 2015, "Adam: A Method for Stochastic Optimization", section 7.2.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from sweeper.training.averaging import Parameters, Validation, replaced_weights
from sweeper.training.config import TrainConfig
from sweeper.training.objective import ObjectiveMetric

EMA = "ema"  # the key of `origin`


def next_total(total: float, decay: float) -> float:
    """Return 1 + d + ... + d^t after an update from the sum before it, 0 at first. The newest weights have 1 of it."""
    return 1 + decay * total


class ExponentialAverage:
    """The average of the trained weights: e_t = e_(t-1) + (w_t - e_(t-1)) / total_t, with the sums of `next_total`.

    These are three operations of one rounding each, so that every number is rounded alike wherever it stands in memory.
    """

    def __init__(self, config: TrainConfig, objective: ObjectiveMetric) -> None:
        self.decay = config.ema_decay
        self.origin: Mapping[str, Any] = {EMA: True}
        self.enter_phase({})

    def enter_phase(self, parameters: Parameters) -> None:
        """Begin anew with these parameters."""
        self.parameters, self.total = parameters, 0.0
        self.weights: dict[str, Tensor] = {}  # none before the first update
        self.differences: Tensor | None = None  # memory for those of the largest parameter

    @torch.no_grad()
    def update(self) -> None:
        """Add the weights after an update to the average."""
        self.total = next_total(self.total, self.decay)
        for name, parameter in self.parameters.items():
            if self.total == 1:
                self.weights[name] = parameter.detach().clone()
            else:
                difference = torch.sub(parameter, self.weights[name], out=self._memory_for(parameter))
                self.weights[name].add_(difference.mul_(1 / self.total))

    def _memory_for(self, parameter: Tensor) -> Tensor:
        if self.differences is None:
            self.differences = parameter.new_empty(max(tensor.numel() for tensor in self.parameters.values()))
        return self.differences[: parameter.numel()].view(parameter.shape)

    def validate(self, step: int, validate: Callable[[], Validation]) -> Validation:
        """Return the metrics of the average."""
        with self.applied():
            return (yield from validate())

    def applied(self) -> AbstractContextManager[None]:
        """Give the model the average, until the context ends; before the first update, the model's own weights."""
        return replaced_weights(self.parameters, self.weights)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"weights": self.weights, "total": self.total}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state` returned."""
        self.total = state["total"]
        self.weights = {
            name: weights.to(self.parameters[name].device, copy=True) for name, weights in state["weights"].items()
        }
