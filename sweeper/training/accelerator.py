"""The processor that a training would use on this machine, in words."""

import torch

from sweeper.training.device import cpu_count, gpu_count, has_mps, resolve_precision


def describe_accelerator() -> str:
    """Return torch's version and the device of a training: its GPUs by name, or the CPU with its cores."""
    if has_mps():
        return f"torch {torch.__version__}, the GPU of an Apple chip"
    names = [torch.cuda.get_device_name(number) for number in range(gpu_count())]
    device = ", ".join(names) if names else f"no GPU, {cpu_count()} CPU cores"
    return f"torch {torch.__version__}, {device}"


def automatic_precision() -> str:
    """Return the precision that `precision: auto` takes here."""
    kind = "mps" if has_mps() else "cuda" if torch.cuda.is_available() else "cpu"
    return resolve_precision("auto", torch.device(kind))


def built_for_missing_gpu() -> bool:
    """Return True if this torch can use the GPUs of CUDA, but finds none."""
    return torch.version.cuda is not None and not torch.cuda.is_available()
