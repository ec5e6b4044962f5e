"""Layers of a transformer with a backward pass of their own, for training in bf16 on a CPU.

With short texts and small batches, half of a training step on a CPU is not arithmetic: it is the calls of small
functions, most of them by autograd and autocast. Here a layer of BERT is two operations for autograd (fused_blocks.py),
and the memory of casts and gradients is kept from update to update (kept_weights.py). A step of MiniLM then calls
functions of torch 3,700 instead of 5,400 times. In float32 nothing is cast, and such layers are no faster.

Matrix products and attention are in the precision of the training, sums and normalization in that of the weights, as
under autocast; the vectors between layers are in that of the weights too, also where ELECTRA's are in bfloat16. Dropout
draws the same random numbers in the same order.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sweeper.training.attention import LONGEST
from sweeper.training.dropout import CpuDropout
from sweeper.training.fused_blocks import Ending, FeedForward, Heads, SelfAttention
from sweeper.training.kept_weights import KeptWeights

# Layers of transformers that compute what BERT's do, and the packages that they are in.
_LAYERS = {
    "BertLayer": "bert",
    "CamembertLayer": "camembert",
    "ElectraLayer": "electra",
    "RobertaLayer": "roberta",
    "XLMRobertaLayer": "xlm_roberta",
}


def fuse_layers(encoder: nn.Module) -> None:
    """Let the layers of an encoder of transformers train by FusedLayer, if they are those of BERT."""
    layer: Any
    for layer in encoder.modules():
        kind: Any = type(layer)
        package = _LAYERS.get(kind.__name__)
        if package and kind.__module__.startswith(f"transformers.models.{package}.") and _is_plain(layer):
            layer.__class__ = _fused(kind)
            layer.keep_weights()


def _is_plain(layer: Any) -> bool:
    """Return True if a layer is trained whole, and has nothing that FusedLayer leaves out, such as an adapter."""
    activation = layer.intermediate.intermediate_act_fn
    parts = [module for module in layer.modules() if module is not activation and next(module.children(), None) is None]
    return (
        not layer.is_decoder
        and getattr(activation, "act", None) is functional.gelu
        and all(type(module) in (nn.Linear, nn.LayerNorm, CpuDropout) for module in parts)
        and all(parameter.requires_grad for parameter in layer.parameters())
    )


class FusedLayer(nn.Module):
    """A layer of transformers with a forward pass of its own in a training. Scoring is left to transformers.

    `fuse_layers` makes this the class of a layer. An object that stood in the layer and referred to it would be a
    reference cycle, which would keep a finished model in memory.
    """

    def keep_weights(self: Any) -> None:
        """Name the weights whose casts and gradients keep their memory."""
        attention, attended = self.attention.self, self.attention.output.dense
        projections = (attention.query, attention.key, attention.value)
        self.attention_weights = KeptWeights(
            [projection.weight for projection in projections],
            [projection.bias for projection in projections],
            [attended.weight],
            [attended.bias],
        )
        inner, outer = self.intermediate.dense, self.output.dense
        self.feed_forward_weights = KeptWeights([inner.weight], [inner.bias], [outer.weight], [outer.bias])

    def forward(
        self: Any, hidden_states: Tensor, attention_mask: Tensor | None = None, *others: Any, **options: Any
    ) -> Tensor:
        """Return the layer's output (B, L, H). The mask (B, 1, L, L) is True where a token may attend to another."""
        has_options = any(option is not None for option in (*others, *options.values()))
        if has_options or not self._is_fusible(hidden_states, attention_mask):
            output: Tensor = super().forward(hidden_states, attention_mask, *others, **options)
            return output
        return self._train(hidden_states, attention_mask)  # type: ignore[no-any-return]

    def _is_fusible(self, vectors: Tensor, mask: Tensor | None) -> bool:
        """Return True if this is a training on a CPU, of texts that are not too long."""
        return (
            self.training
            and torch.is_grad_enabled()
            and vectors.device.type == "cpu"
            and vectors.shape[1] <= LONGEST
            and (mask is None or mask.dtype == torch.bool)
        )

    def _train(self: Any, vectors: Tensor, mask: Tensor | None) -> Tensor:
        attention, attended, last = self.attention.self, self.attention.output, self.output
        precision = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else vectors.dtype
        heads = Heads(attention.num_attention_heads, attention.scaling, attention.dropout.p, mask)
        with torch.autocast("cpu", enabled=False):
            vectors = vectors.to(last.LayerNorm.weight.dtype)
            vectors = _apply(SelfAttention, vectors, attended, self.attention_weights, precision, heads)
            return _apply(FeedForward, vectors, last, self.feed_forward_weights, precision)


@cache
def _fused(layer: Any) -> Any:
    """Return the class of fused layers that are otherwise those of this class."""
    return type(layer.__name__, (FusedLayer, layer), {})


def _apply(
    block: type[torch.autograd.Function],
    vectors: Tensor,
    output: Any,
    weights: KeptWeights,
    precision: torch.dtype,
    *heads: Heads,
) -> Tensor:
    """Return what a block makes of vectors (B, L, H). `output` is the part of the layer that ends the block."""
    norm = output.LayerNorm
    ending = Ending(precision, output.dropout.p, norm.eps)
    result: Tensor = block.apply(vectors, norm.weight, norm.bias, weights, ending, *heads)  # type: ignore[no-untyped-call]
    return result
