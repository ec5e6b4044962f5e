"""The exact gradient of a loss that compares more texts than fit in memory at once.

First the texts are encoded chunk by chunk, and only features and logits are kept. Then the loss of all texts gives the
gradient by these, the cache. Last, each chunk is encoded again, with the random numbers that it had before, so that
dropout is the same, and its part of the cache goes on to the weights. The gradient is that of one large batch; the time
is that of a second forward pass. Source: Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory
Limited Setup", section 3.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate

import torch
from torch import Tensor

from sweeper.training.batching import Batch
from sweeper.training.device import random_states, set_random_states
from sweeper.training.model import ClassifierOutput


def backward_in_chunks(
    chunks: Sequence[Batch],
    passes: int,
    encode: Callable[[Batch], ClassifierOutput],
    loss: Callable[[ClassifierOutput, Tensor], dict[str, Tensor]],
    backward: Callable[[Tensor], None],
) -> dict[str, Tensor]:
    """Add the gradients of the loss of all chunks together, and return the loss's components.

    A chunk has `passes` copies of its texts, as Batch.repeat makes them. `loss` gets the outputs and labels of all
    texts in the same form: all texts of the first pass, then those of the second. `backward` adds the gradients of
    `train/loss`.
    """
    device = chunks[0].ids.device
    states, outputs = [], []
    for chunk in chunks:
        states.append(random_states(device))
        # Not under no_grad, where a device may use other kernels, and so other random numbers.
        outputs.append([None if part is None else part.detach() for part in encode(chunk)])
    rows = _rows_of_chunks([len(chunk.labels) // passes for chunk in chunks], passes, device)
    cache = [_gather(parts, rows) for parts in zip(*outputs, strict=True)]
    features, logits, weighting_logits = cache
    assert features is not None
    assert logits is not None
    labels = _in_order([chunk.labels for chunk in chunks], rows)
    components = loss(ClassifierOutput(features, logits, weighting_logits), labels)
    backward(components["train/loss"])
    for chunk, state, rows_of_chunk in zip(chunks, states, rows, strict=True):
        set_random_states(state, device)
        gradients = [None if leaf is None or leaf.grad is None else leaf.grad[rows_of_chunk] for leaf in cache]
        pairs = [
            (part, gradient) for part, gradient in zip(encode(chunk), gradients, strict=True) if gradient is not None
        ]
        torch.autograd.backward([part for part, _ in pairs if part is not None], [gradient for _, gradient in pairs])
    return components


def _rows_of_chunks(sizes: Sequence[int], passes: int, device: torch.device) -> list[Tensor]:
    """Return where the rows of each chunk, of `sizes` texts, are among those of all chunks."""
    total, starts = sum(sizes), accumulate(sizes, initial=0)
    return [
        torch.cat([torch.arange(size, device=device) + start + number * total for number in range(passes)])
        for size, start in zip(sizes, starts, strict=False)
    ]


def _in_order(parts: Sequence[Tensor], rows: Sequence[Tensor]) -> Tensor:
    values = torch.cat(list(parts))
    return torch.empty_like(values).index_copy_(0, torch.cat(list(rows)), values)


def _gather(parts: Sequence[Tensor | None], rows: Sequence[Tensor]) -> Tensor | None:
    """Return the outputs of all chunks as one tensor that gets a gradient; None if there are none."""
    outputs = [part for part in parts if part is not None]
    return _in_order(outputs, rows).requires_grad_() if outputs else None
