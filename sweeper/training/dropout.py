"""Dropout for training on a CPU.

torch draws the mask of a dropout on a CPU one element after the other, which takes a tenth of a training step. Here one
64-bit random number makes four elements of a mask. A probability is rounded to a multiple of 2**-16, and the elements
that stay are scaled by exactly that probability, so the expected value does not change.
"""

from functools import cache

import torch
from torch import Tensor, nn

_LEVELS = 2**16  # values of one 16-bit random number
_PER_DRAW = 4  # 16-bit random numbers in one 64-bit number


class CpuDropout(nn.Module):
    """Replaces `nn.Dropout` in a model that is trained on a CPU. It has no weights."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.p = probability

    def forward(self, values: Tensor) -> Tensor:
        """Return the values, in training mode with a share `p` of them set to 0 and the others scaled up."""
        return dropout(values, self.p) if self.training else values


def dropout(values: Tensor, probability: float) -> Tensor:
    """Return values on the CPU with each set to 0 with this probability, and the others divided by 1 - probability."""
    mask = dropout_mask(values, probability)
    return values if mask is None else values * mask


def dropout_mask(values: Tensor, probability: float) -> Tensor | None:
    """Return zeros and scale factors by which values on the CPU are to be multiplied; None if nothing is dropped."""
    num_dropped_levels = round(probability * _LEVELS)
    if num_dropped_levels == 0:
        return None
    if num_dropped_levels == _LEVELS:
        return torch.zeros_like(values)
    first_kept, factor = num_dropped_levels - _LEVELS // 2, _LEVELS / (_LEVELS - num_dropped_levels)
    num_draws = -(-values.numel() // _PER_DRAW)
    draws = torch.empty(num_draws, dtype=torch.int64).random_(-(2**63), None)
    random = draws.view(torch.int16)[: values.numel()].view(values.shape)  # from -_LEVELS / 2
    if values.dtype == torch.bfloat16:  # arithmetic of 16-bit integers is the fastest
        return random.ge_(first_kept).mul_(_as_integer(factor)).view(torch.bfloat16)
    mask = torch.empty(values.shape, dtype=values.dtype)
    return torch.ge(random, first_kept, out=mask).mul_(factor)


@cache
def _as_integer(value: float) -> int:
    """Return the 16-bit integer that has the same bits as a number in bfloat16."""
    return int(torch.tensor(value, dtype=torch.bfloat16).view(torch.int16))


def replace_dropout(module: nn.Module) -> None:
    """Replace every `nn.Dropout` below `module` by a `CpuDropout` of the same probability."""
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.Dropout and not child.inplace:
                setattr(parent, name, CpuDropout(child.p).train(child.training))
