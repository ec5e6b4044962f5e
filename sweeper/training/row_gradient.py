"""The gradient of word embeddings on a CPU, in memory that is kept from one update to the next.

A batch has a few hundred of an encoder's many thousand tokens. Autograd would fill a gradient of all rows with zeros,
and free it, in every update. Here only the rows of the batches' tokens are written, and set to 0 again. Every number is
the same as autograd's, to the last bit.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable


class RowGradient:
    """The gradient of embeddings (n, D) since the last update. It is `weight.grad` from the first backward pass on."""

    def __init__(self, weight: nn.Parameter, padding_row: int | None) -> None:
        """Keep the gradient of `weight`. The row of the padding token has none."""
        self.weight, self.padding_row = weight, padding_row
        self.buffer: Tensor | None = None  # (n, D), 0 in all other rows than `written`
        self.written: list[Tensor] = []  # for each backward pass since the last update, its rows

    def look_up(self, rows: Tensor) -> Tensor:
        """Return the embeddings (..., D) of rows (...). Their gradient is added here."""
        embeddings: Tensor = _LookUp.apply(self.weight, rows, self)  # type: ignore[no-untyped-call]
        return embeddings

    def add(self, rows: Tensor, gradient: Tensor) -> None:
        """Add the gradient (m, D) of the embeddings of rows (m,); a row may occur more than once."""
        unique, places = torch.unique(rows, return_inverse=True)
        sums = gradient.new_zeros(len(unique), gradient.shape[1]).index_add_(0, places, gradient)
        if self.padding_row is not None:
            sums[unique == self.padding_row] = 0
        self._prepare_buffer().index_add_(0, unique, sums)
        self.written.append(unique)

    def norms(self) -> Tensor:
        """Return the norm of each row's gradient (n,)."""
        gradient = self.weight.grad
        assert gradient is not None
        if gradient is not self.buffer:
            return row_norms(gradient)
        rows = torch.unique(torch.cat(self.written))
        return gradient.new_zeros(len(gradient)).index_copy_(0, rows, row_norms(gradient[rows]))

    def clear(self) -> None:
        """Set the gradient to 0 and take it from the weight."""
        if self.buffer is not None:
            for rows in self.written:
                self.buffer.index_fill_(0, rows, 0)
        self.written = []
        self.weight.grad = None

    def _prepare_buffer(self) -> Tensor:
        """Return the buffer, as the gradient of the weight. A gradient from a checkpoint becomes the buffer."""
        if self.weight.grad is not None and self.weight.grad is not self.buffer:
            self.buffer = self.weight.grad
            self.written = [self.buffer.any(dim=1).nonzero().flatten()]
        elif self.buffer is None:
            self.buffer = torch.zeros_like(self.weight)
        self.weight.grad = self.buffer
        return self.buffer


def row_norms(gradient: Tensor) -> Tensor:
    """Return the norm of each row (n,) of a gradient (n, D)."""
    norms: Tensor = torch.linalg.vector_norm(gradient, dim=1)
    return norms


class _LookUp(torch.autograd.Function):
    """Embeddings by their rows, whose backward pass hands the gradient to a RowGradient."""

    @staticmethod
    def forward(ctx: FunctionCtx, weight: Tensor, rows: Tensor, row_gradient: RowGradient) -> Tensor:
        ctx.rows, ctx.row_gradient = rows, row_gradient  # type: ignore[attr-defined]
        return nn.functional.embedding(rows, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        ctx.row_gradient.add(ctx.rows.flatten(), gradient.reshape(-1, gradient.shape[-1]))
        return None, None, None
