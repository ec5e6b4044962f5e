"""What a training takes of its machine, as metrics of its reports: MLflow shows `system/…` on a tab of its own.

(MLflow's own monitor writes from the worker past the record, at times of its own, and measures the whole machine: it
would need MLflow's address on every worker, and what it wrote could not be sent again.)
"""

import os
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sweeper.training.config import TrainConfig
from sweeper.training.types import Heartbeat, Trainer, TrainingData, ValidationReport

_ASKS = ("--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits")
_MIB = 2**20 / 1e6  # megabytes


def add_resource_metrics(
    train: Trainer, config: TrainConfig, data: TrainingData, saved: Path | None
) -> Generator[ValidationReport | Heartbeat, None, None]:
    """A training whose reports have what it took since the one before; `partial(watched, train)` is a Trainer."""
    use = _Use()
    with closing(train(config, data, saved)) as events:
        for event in events:
            if isinstance(event, ValidationReport):
                yield replace(event, metrics={**event.metrics, **use.since()})
            else:
                yield event


class _Use:
    """What this process, its threads and its GPUs do."""

    def __init__(self) -> None:
        self.busy, self.at = time.process_time(), time.monotonic()

    def since(self) -> dict[str, float]:
        """Cores in use since the last time, memory now in megabytes (10^6), and the same of each GPU, in percent.

        A GPU is measured as a whole, at this moment, whoever else is on it.
        """
        busy, at = time.process_time(), time.monotonic()
        cores = (busy - self.busy) / max(at - self.at, 1e-9)
        self.busy, self.at = busy, at
        return {"system/cpu_cores": round(cores, 3), "system/memory_megabytes": _memory(), **_gpus()}


def _memory() -> float:
    """The memory of this process that is not swapped out."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def _gpus() -> dict[str, float]:
    """The GPUs that this process may use, by nvidia-smi; nothing where there are none."""
    asks = shutil.which("nvidia-smi")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if asks is None or visible == "":
        return {}
    chosen = [f"--id={visible}"] if visible else []
    try:
        done = subprocess.run([asks, *chosen, *_ASKS], capture_output=True, text=True, timeout=5, check=True)
        lines = [[float(part) for part in line.split(",")] for line in done.stdout.splitlines()]
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}
    names = ("memory_megabytes", "utilization_percentage")
    values = [(memory * _MIB, busy) for memory, busy in lines]
    return {f"system/gpu_{k}_{name}": v for k, pair in enumerate(values) for name, v in zip(names, pair, strict=True)}
