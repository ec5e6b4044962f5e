"""The device of a training, its precision, and its random number generators."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor

from sweeper.errors import UsageError
from sweeper.training.config import Precision, TrainConfig

_AUTOCAST_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def has_mps() -> bool:
    """Return True if this process may use the GPU of an Apple chip. As for CUDA, an empty list of GPUs hides it."""
    return torch.backends.mps.is_available() and os.environ.get("CUDA_VISIBLE_DEVICES") != ""


def setup_device(config: TrainConfig) -> torch.device:
    """Set threads and random seed as the config says, and return this process's device.

    After this, the same config gives the same numbers.
    """
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    if has_mps():
        return torch.device("mps")
    if not torch.cuda.is_available():
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    return torch.device("cuda", torch.cuda.current_device())


@contextmanager
def limit_threads(most: int) -> Iterator[None]:
    """Compute with at most `most` CPU threads, until the context ends."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(most, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def resolve_precision(requested: Precision, device: torch.device) -> Precision:
    """Return the precision to compute in: `auto` is bf16 if the processor has it, else fp16 on a GPU, else float32.

    On the GPU of an Apple chip, `auto` is float32. Raises UsageError if fp16 is requested without a GPU of CUDA.
    """
    if device.type != "cuda" and requested == "fp16":
        raise UsageError("training.precision: fp16 needs a GPU of CUDA; use auto, bf16 or float32")
    if device.type == "mps":
        return "float32" if requested == "auto" else requested
    if device.type == "cpu":
        has_bf16 = bool(torch.cpu.get_capabilities().get("avx512_bf16") or torch.cpu.get_capabilities().get("amx_bf16"))
        return ("bf16" if has_bf16 else "float32") if requested == "auto" else requested
    has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return ("bf16" if has_bf16 else "fp16") if requested == "auto" else requested


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Return a context of mixed precision for the forward pass; it does nothing for float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, _AUTOCAST_TYPES[precision])


def gradient_scaler(precision: Precision, device: torch.device) -> torch.amp.GradScaler:
    """Return a gradient scaler, which is enabled only in fp16."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")


def random_states(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's random number generators on the CPU and on `device`."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def set_random_states(states: dict[str, Tensor], device: torch.device) -> None:
    """Set torch's random number generators to states returned by `random_states`."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps":
        torch.mps.set_rng_state(states["mps"])


def gpu_count() -> int:
    """Return the number of GPUs that this process may use."""
    return 1 if has_mps() else torch.cuda.device_count()


def cpu_count() -> int:
    """Return the number of CPU cores that this process may use; on macOS, which cannot say, those of the machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def mps_memory_bytes() -> int | None:
    """Return the memory that this process has on the GPU of an Apple chip; None without one."""
    return torch.mps.driver_allocated_memory() if has_mps() else None
