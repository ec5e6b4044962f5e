"""Measure the CPU, memory and GPUs that a training uses, as `system/...` metrics of its reports.

MLflow shows them on a separate tab. MLflow's own monitor is not used: it measures the whole machine, at its own
times, and sends values from the worker straight to MLflow. The record would not have them, so lost values could not be
sent again, and every worker would need MLflow's address.
"""

import os
import shutil
import subprocess
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sweeper.training.config import TrainConfig
from sweeper.training.types import Trainer, TrainingData, TrainingEvents, ValidationReport

_QUERY = ("--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits")
_MEGABYTES_PER_MIB = 2**20 / 1e6
_TIMEOUT_SECONDS = 5


def add_resource_metrics(
    train: Trainer, config: TrainConfig, data: TrainingData, checkpoint_path: Path | None
) -> TrainingEvents:
    """Run `train`, and add to each report the resources used since the previous report.

    `partial(add_resource_metrics, train)` is a Trainer.
    """
    monitor = _ResourceMonitor()
    with closing(train(config, data, checkpoint_path)) as events:
        for event in events:
            if isinstance(event, ValidationReport):
                yield replace(event, metrics={**event.metrics, **monitor.measure()})
            else:
                yield event


class _ResourceMonitor:
    """Measures this process with its threads, and its GPUs."""

    def __init__(self) -> None:
        self.cpu_seconds, self.time = time.process_time(), time.monotonic()

    def measure(self) -> dict[str, float]:
        """Return the mean CPU cores used since the last call, and memory now in megabytes (10^6 bytes).

        For each GPU, also return its memory in megabytes and its utilization in percent. Both are of the whole GPU
        now, including other processes.
        """
        cpu_seconds, now = time.process_time(), time.monotonic()
        cores = (cpu_seconds - self.cpu_seconds) / max(now - self.time, 1e-9)
        self.cpu_seconds, self.time = cpu_seconds, now
        return {"system/cpu_cores": round(cores, 3), "system/memory_megabytes": _memory_megabytes(), **_gpu_metrics()}


def _memory_megabytes() -> float:
    """Return the resident memory of this process in megabytes: from /proc, or from ps where that is missing."""
    try:
        size = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        size = int(_run("ps", "-o", "rss=", "-p", str(os.getpid())) or 0) * 1024
    return round(size / 1e6, 1)


def _run(*command: str) -> str:
    """Return what a command prints; "" if it is missing, fails, or takes too long."""
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return process.stdout


def _gpu_metrics() -> dict[str, float]:
    """Return the memory and utilization of the GPUs that this process may use, by nvidia-smi; {} without GPUs.

    The GPU of an Apple chip has no nvidia-smi: only this process's memory on it is known.
    """
    from sweeper.training.device import mps_memory_bytes  # torch is loaded by now, but not by whoever reads this file

    if (allocated := mps_memory_bytes()) is not None:
        return {"system/gpu_0_memory_megabytes": allocated / 1e6}
    command = shutil.which("nvidia-smi")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if command is None or visible == "":
        return {}
    selection = [f"--id={visible}"] if visible else []
    try:
        rows = [list(map(float, line.split(","))) for line in _run(command, *selection, *_QUERY).splitlines()]
    except ValueError:
        return {}
    metrics = {}
    for k, (memory, utilization) in enumerate(rows):
        metrics[f"system/gpu_{k}_memory_megabytes"] = memory * _MEGABYTES_PER_MIB
        metrics[f"system/gpu_{k}_utilization_percentage"] = utilization
    return metrics
