"""Weights of matrix products whose casts and gradients have memory that is kept from one update to the next.

Under autocast each forward pass casts every weight into new memory, and each backward pass makes a gradient in the
precision of the product and casts it into new memory again. Finding that memory takes a tenth of a small training step.
"""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn


class KeptWeights:
    """Matrices and vectors, each made of one or more parameters whose rows follow one another.

    Their gradients are added by `add_gradients`, not by autograd. A parameter without a gradient gets the kept memory
    as its `grad`, which the first backward pass after the next update overwrites. The parameters must not change
    between a forward pass and its backward pass.
    """

    def __init__(self, *parts: Sequence[nn.Parameter]) -> None:
        """Keep the weights of `parts`; each is the parameters of one matrix or vector."""
        self.parts = parts
        self.parameters: list[Tensor] = list(chain.from_iterable(parts))
        self.cast_weights = _Memory([], [])  # empty before the first forward pass
        self.gradients = _Memory([], [])  # empty before the first backward pass

    def cast(self, precision: torch.dtype) -> Sequence[Tensor]:
        """Return each matrix and vector in this precision. The next call overwrites them."""
        memory = self.cast_weights
        if not memory.wholes or memory.wholes[0].dtype != precision:
            memory = self.cast_weights = _Memory.of(self.parts, precision)
        torch._foreach_copy_(memory.rows, self.parameters)
        return memory.wholes

    def add_gradients(self, *values: Tensor) -> None:
        """Add the gradient of each matrix and vector, in any precision, to those of its parameters."""
        if any(parameter.grad is not None for parameter in self.parameters):
            self._add(values)
            return
        if not self.gradients.wholes:
            self.gradients = _Memory.of(self.parts, self.parameters[0].dtype)
        torch._foreach_copy_(self.gradients.wholes, values)
        for rows, parameter in zip(self.gradients.rows, self.parameters, strict=True):
            parameter.grad = rows

    def _add(self, values: Sequence[Tensor]) -> None:
        for value, part in zip(values, self.parts, strict=True):
            for rows, parameter in zip(_split(value, part), part, strict=True):
                parameter.grad = rows.to(parameter.dtype) if parameter.grad is None else parameter.grad.add_(rows)


class _Memory(NamedTuple):
    """A tensor for each part, and views of them: one for each parameter."""

    wholes: list[Tensor]
    rows: list[Tensor]

    @classmethod
    def of(cls, parts: Sequence[Sequence[nn.Parameter]], precision: torch.dtype) -> "_Memory":
        """Return uninitialized memory."""
        wholes = [torch.empty(sum(map(len, part)), *part[0].shape[1:], dtype=precision) for part in parts]
        views = [_split(whole, part) for whole, part in zip(wholes, parts, strict=True)]
        return cls(wholes, list(chain.from_iterable(views)))


def _split(whole: Tensor, part: Sequence[nn.Parameter]) -> Sequence[Tensor]:
    """Return the rows of each parameter."""
    return (whole,) if len(part) == 1 else torch.split(whole, [len(parameter) for parameter in part])
