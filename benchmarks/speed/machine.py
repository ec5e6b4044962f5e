"""The machine, the versions, and how busy it is before a measurement."""

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.processor import processor_name
from sweeper.training.device import cpu_count

_PACKAGES = ("torch", "transformers", "ray", "optuna", "mlflow", "datasets", "pyarrow", "numpy")
IDLE = 0.05  # largest share of the processors in use before a case on a machine that counts as idle


def describe_machine() -> dict[str, object]:
    """Return the processors, memory, accelerator and system, and the versions of the libraries."""
    return {
        "processor": processor_name(),
        "cores": cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "accelerator": _accelerator(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
    }


def busy_share(seconds: float = 1.0) -> float:
    """Return the share of the processors that is in use within so many seconds, while no arm works.

    Time that other machines of the same host take away counts as used. Processes at low priority do not count.
    """
    before = _processor_times()
    time.sleep(seconds)
    after = _processor_times()
    if before is None or after is None:
        return os.getloadavg()[0] / (os.cpu_count() or 1)
    used, total = (after[k] - before[k] for k in (0, 1))
    return used / total if total else 0.0


def _processor_times() -> tuple[int, int] | None:
    """Return the used and the total time of all processors since the start; None where the system does not say."""
    try:
        line = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0]
    except OSError:
        return None
    user, nice, system, idle, waiting, *interrupts_and_stolen = (int(word) for word in line.split()[1:9])
    used = user + system + sum(interrupts_and_stolen)
    return used, used + nice + idle + waiting


def _accelerator() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
