"""The word embeddings that a training left out, as it would have left them.

Such a row never has a gradient, so AdamW only decays it. If the training averages its weights, the row is averaged too:
with the same operations as its other weights, so that every number is the same to the last bit.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeper.training.config import TrainConfig
from sweeper.training.exponential_average import EMA, next_total
from sweeper.training.greedy_soup import SOUP, mean_weights
from sweeper.training.phases import training_phases
from sweeper.training.schedule import encoder_learning_rates

_BLOCK = 1 << 16  # numbers that a processor's cache can hold


def left_out_rows(rows: Tensor, state: Mapping[str, Any], config: TrainConfig, num_texts: int, factor: float) -> Tensor:
    """Return pretrained rows (n, D) as they are in the model of a checkpoint, or of a best epoch, with this state.

    `num_texts` is the size of the training split, `factor` that of the rows' learning rate.
    """
    step = state["step"] if "step" in state else len(state["reports"])
    skipped = set(state.get("skipped_updates", ()))  # in fp16: AdamW did not decay there either
    is_averaged = EMA in state and training_phases(config)[0].kind == "joint"
    kept: list[Tensor] = []
    for validation in state.get(SOUP, [step]):
        rates = encoder_learning_rates(config, num_texts, validation)
        factors = [
            1.0 if update in skipped else 1 - rate * factor * config.weight_decay for update, rate in enumerate(rates)
        ]
        numbers: NDArray[np.float32] = rows.numpy().copy()
        if is_averaged:
            _decay_and_average(numbers, factors, config.ema_decay)
        else:
            _decay(numbers, factors)
        kept.append(torch.from_numpy(numbers))
    return mean_weights(kept)


def _decay(rows: NDArray[np.float32], factors: Sequence[float]) -> None:
    """Multiply weights by a factor for each update.

    Each product is rounded to float32, as AdamW rounds it; the product of all factors would give other numbers.
    """
    rounded = [np.float32(factor) for factor in factors]
    for block in _blocks(rows):
        for factor in rounded:
            if factor != 1:
                np.multiply(block, factor, out=block)


def _decay_and_average(rows: NDArray[np.float32], factors: Sequence[float], ema_decay: float) -> None:
    """Multiply weights as `_decay` does, and replace them by the average that ExponentialAverage makes of them."""
    for block in _blocks(rows):
        average, total = block.copy(), 0.0
        for factor in map(np.float32, factors):
            np.multiply(block, factor, out=block)
            total = next_total(total, ema_decay)
            if total == 1:
                average[:] = block
            else:
                average += (block - average) * np.float32(1 / total)
        block[:] = average


def _blocks(rows: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield parts of the rows' memory, which together are all of it."""
    numbers = rows.reshape(-1)
    for start in range(0, len(numbers), _BLOCK):
        yield numbers[start : start + _BLOCK]
