"""Where a training computes, and in which precision."""

import os
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch

from sweeper.errors import UsageError
from sweeper.training.config import Precision, TrainConfig
from sweeper.training.types import Heartbeat, Trainer, TrainingData, ValidationReport

Events = Generator[ValidationReport | Heartbeat, None, None]

_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def setup_device(config: TrainConfig) -> torch.device:
    """The device of this process, with threads and generators as the config says: same config, same numbers."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    if not torch.cuda.is_available():
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    return torch.device("cuda", torch.cuda.current_device())


def resolve_precision(asked: Precision, device: torch.device) -> Precision:
    """The precision to compute in. `auto` is bf16 where the processor has it, else fp16 on a GPU, else float32."""
    if device.type == "cpu":
        if asked == "fp16":
            raise UsageError("training.precision: fp16 needs a GPU; use auto, bf16 or float32")
        has_bf16 = bool(torch.cpu.get_capabilities().get("avx512_bf16") or torch.cpu.get_capabilities().get("amx_bf16"))
        return ("bf16" if has_bf16 else "float32") if asked == "auto" else asked
    has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return ("bf16" if has_bf16 else "fp16") if asked == "auto" else asked


def autocast(chosen: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Mixed precision for the forward pass; nothing for float32."""
    if chosen == "float32":
        return nullcontext()
    return torch.autocast(device.type, _TYPES[chosen])


def gradient_scaler(chosen: Precision, device: torch.device) -> torch.amp.GradScaler:
    """The gradient scaler: at work in fp16 alone."""
    return torch.amp.GradScaler(device.type, enabled=chosen == "fp16")


def limit_gpu_memory(
    train: Trainer, gpu: float, config: TrainConfig, data: TrainingData, saved: Path | None
) -> Events:
    """`train`; where a trial gets a fraction of a GPU, with that share of its memory and no more."""
    if 0 < gpu < 1 and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(gpu)
    yield from train(config, data, saved)


def gpu_count() -> int:
    """How many GPUs this process may use."""
    return torch.cuda.device_count()
