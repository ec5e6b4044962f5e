"""The GPU memory that each kind of training needs, as measured, and the shares of a GPU that follow from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.training.config import Scalar, TrainConfig
from sweeper.training.registry import AVERAGES, LOSSES
from sweeper.training.strict_model import StrictModel

SIZES = ("batch_size", "max_length")
"""Hyperparameters of which a larger value never needs less memory."""

_PASSES = ("views", "consistency")  # they decide how many passes a text has
_BESIDES = ("average", "memory", "gradient_cache", "accumulate")  # they need memory besides that of a batch

MEMORY_HYPERPARAMETERS = (
    "encoder", "loss", *SIZES, *_PASSES, "weighting", "precision", "pooling", "classifier", "hidden_size",
    "embedding_size", "vocabulary", "freeze_embeddings", "lora", *_BESIDES,
)  # fmt: skip
"""Hyperparameters that decide how much memory a training needs. With equal values, trainings are of one kind."""

SMALLEST_SHARE = 1 / 16

_MARGIN = 1.1  # batches of other lengths than the measured ones leave more gaps in memory
_UNITS = 10_000  # Ray counts GPUs in ten-thousandths
_ROUNDING = 1e-9


@dataclass(frozen=True)
class GpuShare:
    """A trial's share of a GPU: the GPUs that it takes, and the fraction of a GPU's memory that torch may use."""

    gpu: float
    memory: float


class MeasuredTraining(StrictModel):
    """A kind of training and the bytes that torch reserved for it; None if it did not run on a whole GPU."""

    params: dict[str, Scalar | None]
    memory: int | None


class GpuMemory(StrictModel):
    """Measurements on one kind of GPU.

    `gpus` names the GPUs. `total` is the memory of one in bytes, `outside` what a process takes besides torch's
    memory: the CUDA context, and what other programs had on the GPU.
    """

    gpus: str
    total: int
    outside: int
    trainings: tuple[MeasuredTraining, ...]

    def share_of(self, config: TrainConfig) -> GpuShare:
        """Return the share of a GPU that a training needs, rounded up to one of k equal parts.

        A kind that was not measured gets the share of the next larger batch and length that was, else the whole GPU.
        """
        needed = self.bytes_of(config)
        parts = 1 if needed is None else int(self.total / (_MARGIN * needed + self.outside) + _ROUNDING)
        parts = max(1, min(parts, round(1 / SMALLEST_SHARE)))
        share = int(_UNITS / parts) / _UNITS
        return GpuShare(share, share if parts == 1 else max(0.0, share - self.outside / self.total))

    def bytes_of(self, config: TrainConfig) -> int | None:
        """Return the bytes that torch reserves for a training; None if that is not known."""
        wanted = memory_params(config)
        larger = [training for training in self.trainings if _is_at_most(wanted, training.params)]
        exact = [training for training in larger if training.params == wanted]
        return min((t.memory for t in exact or larger if t.memory is not None), default=None)

    def has(self, config: TrainConfig) -> bool:
        """Return True if this kind of training was measured."""
        return any(training.params == memory_params(config) for training in self.trainings)


def memory_params(config: TrainConfig) -> dict[str, Scalar | None]:
    """Return what decides how much memory a training needs: hyperparameters, and numbers that follow from some.

    `lora` is left out where it is off, as in measurements from before it existed.
    """
    names = (
        name for name in MEMORY_HYPERPARAMETERS if name not in (*_PASSES, *_BESIDES) and (name != "lora" or config.lora)
    )
    others: dict[str, Scalar | None] = {"passes": config.passes}
    if AVERAGES[config.average].copies:
        others["average"] = config.average
    if LOSSES[config.loss].contrastive_term is not None:
        others |= {"memory": config.memory} if config.memory else {}
        others |= {"compared_batches": config.accumulate} if config.gradient_cache else {}
    return {**{name: getattr(config, name) for name in names}, **others}


def _is_at_most(wanted: dict[str, Scalar | None], measured: dict[str, Scalar | None]) -> bool:
    """Return True if a training differs from a measured one at most by a smaller batch and shorter texts."""
    return wanted.keys() == measured.keys() and all(
        _number(value) <= _number(measured[name]) if name in SIZES else value == measured[name]
        for name, value in wanted.items()
    )


def _number(value: Scalar | None) -> float:
    assert isinstance(value, int | float)
    return value


def fit_on_gpus(shares: Sequence[float], gpus: int) -> bool:
    """Return True if trials with these shares have room on the GPUs at the same time. None spans two GPUs."""
    free = [1.0] * gpus
    for share in sorted(shares, reverse=True):
        index = next((index for index, room in enumerate(free) if room >= share - _ROUNDING), None)
        if index is None:
            return False
        free[index] -= share
    return True
