"""The greedy soup of a training's validations: the mean of the weights of those that together validate best.

Validations are ranked by the objective, the best first. The soup begins with the first; each of the others joins if the
mean with it is at least as good on validation. Source: Wortsman et al. 2022, "Model soups: averaging weights of
multiple fine-tuned models improves accuracy without increasing inference time", recipe 1. There the ingredients are
trainings with other hyperparameters; here they are the validations of one training, so each validation reports the soup
of all validations up to then.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from torch import Tensor

from sweeper.errors import DivergedError
from sweeper.training.averaging import Parameters, Validation, replaced_weights
from sweeper.training.config import TrainConfig
from sweeper.training.objective import ObjectiveMetric

SOUP = "soup"  # the key of `origin`: the numbers of the validations in the soup
SIZE = "soup/validations"

Steps = tuple[int, ...]  # ascending


class GreedySoup:
    """The weights of all validations of a phase, on the CPU, and the soup that they make."""

    def __init__(self, config: TrainConfig, objective: ObjectiveMetric) -> None:
        self.objective = objective
        self.enter_phase({})

    def enter_phase(self, parameters: Parameters) -> None:
        """Begin anew with these parameters."""
        self.parameters = parameters
        self.candidates: dict[int, dict[str, Tensor]] = {}  # the weights of each validation, by its number
        self.known: dict[Steps, dict[str, float]] = {}  # the metrics of each mean that was validated
        self.soup: Steps = ()

    @property
    def origin(self) -> Mapping[str, Any]:
        """The validations in the soup."""
        return {SOUP: list(self.soup)}

    def update(self) -> None:
        """Do nothing: only validations are ingredients."""

    def validate(self, step: int, validate: Callable[[], Validation]) -> Validation:
        """Add validation number `step` to the candidates, and return the metrics of the soup."""
        self.known[(step,)] = yield from validate()
        self.candidates[step] = {name: weights.detach().cpu().clone() for name, weights in self.parameters.items()}
        first, *others = sorted(self.candidates, key=lambda candidate: -self._value((candidate,)))
        soup: Steps = (first,)
        for candidate in others:
            tried = tuple(sorted((*soup, candidate)))
            if tried not in self.known:
                self.known[tried] = yield from self._validate_mean(tried, validate)
            if self.known[tried] and self._value(tried) >= self._value(soup):
                soup = tried
        self.soup = soup
        return {**self.known[soup], SIZE: float(len(soup))}

    def _validate_mean(self, steps: Steps, validate: Callable[[], Validation]) -> Validation:
        """Return the metrics of a mean; none if its loss is not finite."""
        try:
            with replaced_weights(self.parameters, self._mean(steps)):
                return (yield from validate())
        except DivergedError:
            return {}

    def _value(self, steps: Steps) -> float:
        """Return the objective of a mean, where more is better; minus infinity if it is not finite."""
        value = self.objective.sign * self.known[steps].get(self.objective.metric, math.nan)
        return value if math.isfinite(value) else -math.inf

    def _mean(self, steps: Steps) -> dict[str, Tensor]:
        candidates = [self.candidates[step] for step in steps]
        return {name: mean_weights([weights[name] for weights in candidates]) for name in next(iter(candidates), {})}

    def applied(self) -> AbstractContextManager[None]:
        """Give the model the soup, until the context ends; before the first validation, the model's own weights."""
        return replaced_weights(self.parameters, self._mean(self.soup))

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"candidates": self.candidates, "known": self.known, "soup": self.soup}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a state that `state` returned."""
        self.candidates, self.known, self.soup = state["candidates"], state["known"], state["soup"]


def mean_weights(weights: Sequence[Tensor]) -> Tensor:
    """Return the mean of weights of the same shape: summed in float64, and rounded once."""
    if len(weights) == 1:
        return weights[0]
    total = weights[0].double()
    for tensor in weights[1:]:
        total = total + tensor
    return (total / len(weights)).to(weights[0].dtype)
