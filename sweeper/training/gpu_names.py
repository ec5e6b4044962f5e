"""The names and sizes of a machine's GPUs, by nvidia-smi: without torch, and without a CUDA context."""

import subprocess

_QUERY = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
_TIMEOUT_SECONDS = 10


def describe_gpus() -> str:
    """Return each kind of GPU of this machine once: `NVIDIA H200, 143771 MiB`. Empty if nvidia-smi finds none."""
    try:
        output = subprocess.run(_QUERY, capture_output=True, text=True, check=True, timeout=_TIMEOUT_SECONDS).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return "; ".join(sorted({line.strip() for line in output.splitlines() if line.strip()}))
