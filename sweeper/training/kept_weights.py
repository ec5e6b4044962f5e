"""Weights of matrix products whose casts and gradients have memory that is kept from one update to the next.

Under autocast each forward pass casts every weight into new memory, and each backward pass makes a gradient in the
precision of the product and casts it into new memory again. Finding that memory takes a tenth of a small training step.
"""

import math
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor, nn

_ALIGNMENT = 64


class _Memory(NamedTuple):
    """One vector, and views of it: a tensor for each part, and one for each parameter."""

    flat: Tensor
    wholes: list[Tensor]
    rows: list[Tensor]

    @classmethod
    def of(cls, parts: Sequence[Sequence[nn.Parameter]], precision: torch.dtype) -> "_Memory":
        """Return memory that is 0. Each part begins at a multiple of 64 numbers, as matrix products like it."""
        shapes = [(sum(map(len, part)), *part[0].shape[1:]) for part in parts]
        sizes = [math.prod(shape) for shape in shapes]
        padded = [-(-size // _ALIGNMENT) * _ALIGNMENT for size in sizes]
        flat = torch.zeros(sum(padded), dtype=precision)
        pieces = torch.split(flat, padded)
        wholes = [piece[:size].view(shape) for piece, size, shape in zip(pieces, sizes, shapes, strict=True)]
        views = [_split(whole, part) for whole, part in zip(wholes, parts, strict=True)]
        return cls(flat, wholes, list(chain.from_iterable(views)))


def _split(whole: Tensor, part: Sequence[nn.Parameter]) -> Sequence[Tensor]:
    """Return the rows of each parameter."""
    return (whole,) if len(part) == 1 else torch.split(whole, [len(parameter) for parameter in part])


_NOTHING = _Memory(torch.empty(0), [], [])


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
        self.cast_weights = _NOTHING  # before the first forward pass
        self.gradients = _NOTHING  # before the first backward pass

    def cast(self, precision: torch.dtype) -> Sequence[Tensor]:
        """Return each matrix and vector in this precision. The next call overwrites them."""
        memory = self.cast_weights
        if not memory.wholes or memory.wholes[0].dtype != precision:
            memory = self.cast_weights = _Memory.of(self.parts, precision)
        torch._foreach_copy_(memory.rows, self.parameters)
        return memory.wholes

    def add_gradients(self, *values: Tensor) -> None:
        """Add the gradient of each matrix and vector, in any precision, to those of its parameters."""
        if not self.gradients.wholes:
            self.gradients = _Memory.of(self.parts, self.parameters[0].dtype)
        if all(parameter.grad is None for parameter in self.parameters):
            torch._foreach_copy_(self.gradients.wholes, values)
        else:
            self._take_gradients()
            torch._foreach_add_(self.gradients.wholes, [value.to(self.gradients.flat.dtype) for value in values])
        for rows, parameter in zip(self.gradients.rows, self.parameters, strict=True):
            parameter.grad = rows

    def _take_gradients(self) -> None:
        """Copy the gradients that are elsewhere, as after a resume, to the kept memory."""
        for rows, parameter in zip(self.gradients.rows, self.parameters, strict=True):
            if parameter.grad is None:
                rows.zero_()
            elif parameter.grad.data_ptr() != rows.data_ptr():
                rows.copy_(parameter.grad)

    def gradient_norm(self) -> Tensor | None:
        """Return the norm of all gradients, a scalar; None if there are none, or others than add_gradients has set.

        It is that of one vector, which takes a third of the time of a norm for each parameter.
        """
        rows = self.gradients.rows
        if not rows or any(
            parameter.grad is None or parameter.grad.data_ptr() != row.data_ptr()
            for row, parameter in zip(rows, self.parameters, strict=True)
        ):
            return None
        return torch.dot(self.gradients.flat, self.gradients.flat).sqrt()


def find_kept_weights(module: nn.Module) -> list[KeptWeights]:
    """Return the kept weights of a module and of its parts."""
    return [
        value for submodule in module.modules() for value in vars(submodule).values() if isinstance(value, KeptWeights)
    ]
