"""Errors of a device: no memory left, and those after which a process can use its GPU no more."""

import gc
import re

import torch

from sweeper.errors import OutOfMemoryError

# in the RuntimeError of an allocator whose type does not tell that memory ran out
_OUT_OF_MEMORY_TEXTS = (
    "can't allocate memory", "not enough memory: you tried to allocate", "MPS backend out of memory",
    "CUDA error: out of memory", "CUDA driver error: out of memory", "HIP error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED", "CUSPARSE_STATUS_ALLOC_FAILED",
)  # fmt: skip

# in a RuntimeError of torch, Triton, cuBLAS or cuDNN whose type does not tell that the device is unusable
_BROKEN_DEVICE_TEXT = re.compile(
    r"CUDA (?:driver )?error|HIP error|Triton Error \[(?:CUDA|HIP)\]|device-side assert|illegal memory access"
    r"|illegal instruction|misaligned address|unspecified launch failure"
    r"|(?:CUBLAS|CUDNN|CUSPARSE|HIPBLAS)_STATUS_(?!NOT_SUPPORTED)\w+"
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return True if this error, or the one that caused it, says that a device or the machine has no memory left."""
    if isinstance(error, OutOfMemoryError | MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY_TEXTS):
        return True
    return error.__cause__ is not None and is_out_of_memory(error.__cause__)


def breaks_device(error: BaseException) -> bool:
    """Return True if after this error, or one that caused it, the process can use its GPU no more.

    A device-side assert or an illegal memory access leaves a CUDA context in which every later call fails. A lack of
    memory does not.
    """
    if is_out_of_memory(error):
        return False
    if isinstance(error, torch.AcceleratorError):
        return True
    if isinstance(error, RuntimeError) and _BROKEN_DEVICE_TEXT.search(str(error)):
        return True
    cause = error.__cause__ or error.__context__
    return cause is not None and breaks_device(cause)


def recover_device() -> bool:
    """Return the memory of a training that failed to its GPU. Return False if this process can use the GPU no more.

    Call it when nothing refers to the error any more: its traceback keeps the training's tensors. The memory would
    otherwise be missing to other processes on the GPU. Without CUDA nothing is done.
    """
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return True
    gc.collect()
    try:
        torch.cuda.empty_cache()
        torch.ones(1, device="cuda").add_(1).item()  # waits for the GPU, so an error that is still to come comes now
    except RuntimeError as error:
        return is_out_of_memory(error)  # other processes may have taken all of it
    return True
