"""The two halves of a layer of BERT, each one operation for autograd: self-attention, and the feed-forward network.

Both end alike: dropout, the sum with their input, layer normalization. Shapes: B texts of L tokens, N = B * L vectors
of H numbers, h attention heads of d = H / h numbers, I numbers of the inner layer of the feed-forward network.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from sweeper.training.dropout import dropout_mask
from sweeper.training.kept_weights import KeptWeights

_aten = torch.ops.aten  # has the backward passes of torch's functions
_ALL = [True, True, True]  # gradients of layer normalization: of its input, its weight and its bias


class Ending(NamedTuple):
    """The precision of a block's matrix products, the dropout before its sum, and epsilon of its normalization."""

    precision: torch.dtype
    dropout: float
    epsilon: float


class Heads(NamedTuple):
    """Attention heads: how many, the factor of their scores, and their dropout.

    `mask` (B, 1, L, L) is True where a token may attend to another, which each may to at least one; None if every token
    may attend to every other.
    """

    number: int
    scaling: float
    dropout: float
    mask: Tensor | None


class SelfAttention(torch.autograd.Function):
    """LayerNorm(x + dropout(attention(x) W_o + b_o)) for vectors x (B, L, H)."""

    @staticmethod
    def forward(
        ctx: Any,
        vectors: Tensor,
        norm_weight: Tensor,
        norm_bias: Tensor,
        weights: KeptWeights,
        ending: Ending,
        heads: Heads,
    ) -> Tensor:
        """Return the output (B, L, H). `weights` are those of query, key and value together, and of the output."""
        x = vectors.flatten(0, 1)  # (N, H)
        low = x.to(ending.precision)
        w_in, b_in, w_out, b_out = weights.cast(ending.precision)
        projections = _split_heads(torch.addmm(b_in, low, w_in.t()), vectors.shape, heads.number)
        query, key, value = projections
        scores = torch.bmm(query, key.transpose(1, 2)).mul_(heads.scaling)  # (B * h, L, L)
        if heads.mask is not None:
            by_text = scores.view(-1, heads.number, *scores.shape[1:])
            by_text.masked_fill_(~heads.mask, torch.finfo(scores.dtype).min)
        shares = torch.softmax(scores, dim=-1)
        shares_mask = dropout_mask(shares, heads.dropout)
        kept = shares if shares_mask is None else shares * shares_mask
        context = _join_heads(torch.bmm(kept, value)[None], vectors.shape)  # (N, H)
        output, *saved = _end(x, torch.addmm(b_out, context, w_out.t()), norm_weight, norm_bias, ending)
        ctx.save_for_backward(norm_weight, norm_bias, low, projections, shares, shares_mask, kept, context, *saved)
        ctx.weights, ctx.cast, ctx.heads, ctx.shape = weights, (w_in, w_out), heads, vectors.shape
        return output.view(vectors.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Add the gradients of `weights`, and return those of the other tensors."""
        norm_weight, norm_bias, low, projections, shares, shares_mask, kept, context, *saved = ctx.saved_tensors
        w_in, w_out = ctx.cast
        d_sum, d_output, *d_norm = _end_backward(gradient.flatten(0, 1), norm_weight, norm_bias, low.dtype, *saved)
        d_context = _split_heads(d_output @ w_out, ctx.shape, ctx.heads.number)[0]
        query, key, value = projections
        d_projections = torch.empty_like(projections)
        torch.bmm(kept.transpose(1, 2), d_context, out=d_projections[2])
        d_shares = torch.bmm(d_context, value.transpose(1, 2))
        if shares_mask is not None:
            d_shares.mul_(shares_mask)
        d_scores = _aten._softmax_backward_data(d_shares, shares, -1, low.dtype).mul_(ctx.heads.scaling)
        torch.bmm(d_scores, key, out=d_projections[0])
        torch.bmm(d_scores.transpose(1, 2), query, out=d_projections[1])
        d_in = _join_heads(d_projections, ctx.shape)  # (N, 3H)
        ctx.weights.add_gradients(d_in.t() @ low, d_in.sum(0), d_output.t() @ context, d_output.sum(0))
        d_vectors = d_sum.add_(d_in @ w_in).view(ctx.shape) if ctx.needs_input_grad[0] else None
        return d_vectors, *d_norm, None, None, None


class FeedForward(torch.autograd.Function):
    """LayerNorm(x + dropout(GELU(x W_1 + b_1) W_2 + b_2)) for vectors x (B, L, H)."""

    @staticmethod
    def forward(
        ctx: Any, vectors: Tensor, norm_weight: Tensor, norm_bias: Tensor, weights: KeptWeights, ending: Ending
    ) -> Tensor:
        """Return the output (B, L, H)."""
        x = vectors.flatten(0, 1)  # (N, H)
        low = x.to(ending.precision)
        w_1, b_1, w_2, b_2 = weights.cast(ending.precision)
        inner = torch.addmm(b_1, low, w_1.t())  # (N, I)
        active = functional.gelu(inner)
        output, *saved = _end(x, torch.addmm(b_2, active, w_2.t()), norm_weight, norm_bias, ending)
        ctx.save_for_backward(norm_weight, norm_bias, low, inner, active, *saved)
        ctx.weights, ctx.cast, ctx.shape = weights, (w_1, w_2), vectors.shape
        return output.view(vectors.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Add the gradients of `weights`, and return those of the other tensors."""
        norm_weight, norm_bias, low, inner, active, *saved = ctx.saved_tensors
        w_1, w_2 = ctx.cast
        d_sum, d_output, *d_norm = _end_backward(gradient.flatten(0, 1), norm_weight, norm_bias, low.dtype, *saved)
        d_inner = _aten.gelu_backward(d_output @ w_2, inner)
        ctx.weights.add_gradients(d_inner.t() @ low, d_inner.sum(0), d_output.t() @ active, d_output.sum(0))
        return d_sum.add_(d_inner @ w_1).view(ctx.shape), *d_norm, None, None


def _split_heads(joined: Tensor, shape: torch.Size, number: int) -> Tensor:
    """Return k kinds of vectors (k, B * h, L, d) from (N, k * H), for texts of this shape (B, L, H)."""
    batch, length, width = shape
    by_text = joined.view(batch, length, -1, number, width // number)
    return by_text.permute(2, 0, 3, 1, 4).reshape(-1, batch * number, length, width // number)


def _join_heads(split: Tensor, shape: torch.Size) -> Tensor:
    """Return (N, k * H) from k kinds of vectors (k, B * h, L, d): the reverse of `_split_heads`."""
    batch, length, width = shape
    by_text = split.view(len(split), batch, -1, length, split.shape[-1])
    return by_text.permute(1, 3, 0, 2, 4).reshape(batch * length, len(split) * width)


def _end(
    x: Tensor, product: Tensor, norm_weight: Tensor, norm_bias: Tensor, ending: Ending
) -> tuple[Tensor, Tensor | None, Tensor, Tensor, Tensor]:
    """Return LayerNorm(x + dropout(product)), and what its backward pass needs. May overwrite `product`."""
    mask = dropout_mask(product, ending.dropout)
    total = x + (product if mask is None else product.mul_(mask))
    output, mean, deviation = torch.native_layer_norm(total, [x.shape[1]], norm_weight, norm_bias, ending.epsilon)
    return output, mask, total, mean, deviation


def _end_backward(
    gradient: Tensor,
    norm_weight: Tensor,
    norm_bias: Tensor,
    precision: torch.dtype,
    mask: Tensor | None,
    total: Tensor,
    mean: Tensor,
    deviation: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x (N, H), of the product (N, H) in this precision, and of the norm's weight and bias."""
    d_total, d_weight, d_bias = _aten.native_layer_norm_backward(
        gradient, total, [total.shape[1]], mean, deviation, norm_weight, norm_bias, _ALL
    )
    d_product = d_total.to(precision)
    # Without a mask, in the precision of the weights, this is `d_total` itself. Use it before adding to `d_total`.
    d_product = d_product if mask is None else d_product * mask
    return d_total, d_product, d_weight, d_bias
