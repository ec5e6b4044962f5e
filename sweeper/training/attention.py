"""Attention for training a transformer on a CPU.

torch's `scaled_dot_product_attention` has no fast kernel on a CPU for what training on short texts needs: with dropout
it computes in float32 by many small operations, and without dropout the backward pass of its kernel is slow. Two matrix
products in the precision of the training are faster. The formula is that of the `eager` attention of transformers.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from sweeper.training.dropout import dropout as drop

_NAME = "sweeper_cpu"  # the name of this attention in transformers
LONGEST = 128  # tokens of a batch's longest text; beyond it, the kernel without dropout saves memory
_OTHER_FORMULAS = ("position_bias", "cache", "softcap", "s_aux")  # arguments of attentions with another formula


def use_cpu_attention(encoder: nn.Module) -> None:
    """Let an encoder of transformers train with the attention of this file, if it uses torch's attention now."""
    if getattr(getattr(encoder, "config", None), "_attn_implementation", None) != "sdpa":
        return
    AttentionInterface.register(_NAME, attention)
    AttentionMaskInterface.register(_NAME, sdpa_mask)
    encoder.set_attn_implementation(_NAME)  # type: ignore[operator]


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Return attention's output (B, L, H, D) for query, key and value (B, H, L, D).

    The mask (B, 1, L, L) is True where a token may attend to another. Scoring, and attentions of another formula, are
    left to torch's attention.
    """
    if not _is_replaceable(module, query, key, attention_mask, dropout, options):
        return sdpa_attention_forward(  # type: ignore[no-any-return]
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
    scores = torch.matmul(query, key.transpose(2, 3)) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if attention_mask is not None:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    weights = drop(functional.softmax(scores, dim=-1), dropout)  # (B, H, L, L)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), None


def _is_replaceable(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    attention_mask: Tensor | None,
    dropout: float,
    options: dict[str, Any],
) -> bool:
    """Return True if this is plain attention in a training on a CPU."""
    is_causal = options.get("is_causal")
    is_causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    return (
        module.training
        and query.device.type == "cpu"
        and query.shape[1] == key.shape[1]  # no groups of queries
        and not (is_causal if attention_mask is None else attention_mask.dtype != torch.bool)
        and (dropout > 0 or key.shape[2] <= LONGEST)
        and all(options.get(name) is None for name in _OTHER_FORMULAS)
    )
