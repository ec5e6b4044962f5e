"""The runner on Ray: it starts Ray on this machine, or joins a cluster, and says what a trial can get there."""

# Ray reads its environment when it is imported, so this import must stay the first one.
from sweeper.execution.ray_environment import WORKER_ENVIRONMENT, restore_variables, variables_set_by_ray

# isort: split
import os
import platform
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any

import ray
from filelock import FileLock

from sweeper.execution import ray_cluster, ray_internals
from sweeper.execution.autoscaler import potential_nodes
from sweeper.execution.background_start import BackgroundStart
from sweeper.execution.cluster_address import cluster_address
from sweeper.execution.ray_folder import make_ray_folder, ray_temporary
from sweeper.execution.ray_measurement import measure_side_by_side, start_workers
from sweeper.execution.ray_warnings import needless_warnings_left_out
from sweeper.execution.ray_workers import RayWorkers
from sweeper.training.config import TrainConfig
from sweeper.training.types import TrainingData
from sweeper.trials.interfaces import Measure, Measured
from sweeper.trials.resources import TrialResources, count_slots, fit_to_cluster, fit_to_machine

_LOCK = "driver.lock"  # in the driver's folder, locked while the driver lives
_PRELOADED = ("sweeper.execution.ray_worker", "sweeper.training.trainer")  # what a worker needs for its first trial
_FEW_CPUS = 4
_VITAL_PROCESSES = {"gcs_server": "GCS", "raylet": "raylet"}  # without one of them nothing runs


class RayRunner:
    """A Runner on Ray: one that is started on this machine, or the cluster that RAY_ADDRESS names.

    Use it as a context manager. Ray on this machine starts in the background; the methods wait for it, and `step` shows
    that they do. `cpu` and `gpu` are what a trial will ask for, and `modules` what it needs beside the trainer, as far
    as that is known. Ray keeps its sockets and logs in a folder of its own below `temporary`, by default RAY_TMPDIR,
    TMPDIR or /tmp. `note` is a line for the user about it.
    """

    has_workers = True

    def __init__(
        self,
        temporary: Path | None = None,
        gpus: int | None = None,
        *,
        cpu: int = 1,
        gpu: float = 0,
        modules: Sequence[str] = (),
        step: Callable[[str], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        """Prepare to start Ray on this machine with `gpus` GPUs, by default those that it finds."""
        self.note, self.gpus = "", gpus
        self.address = cluster_address()
        self.is_remote = self.address is not None
        if temporary is None:
            temporary, note = ray_temporary()
            self.note = "" if self.is_remote else note  # on a cluster no sockets are made here
        self.preloaded = (*_PRELOADED, *modules) if _most_workers_run_trials(cpu, gpu) else ()
        self.temporary, self.step = temporary, step

    def __enter__(self) -> "RayRunner":
        """Start Ray in the background, or join the cluster.

        Raises UsageError if the cluster cannot be joined, or no folder can be written below `temporary`.
        """
        with ExitStack() as stack:
            _remove_abandoned_folders(self.temporary)
            self.folder = make_ray_folder(self.temporary)
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            stack.enter_context(FileLock(self.folder / _LOCK))
            stack.callback(restore_variables, variables_set_by_ray())
            stack.enter_context(needless_warnings_left_out())
            self.start = BackgroundStart(self._start_ray)
            stack.callback(self.start.close, ray.shutdown)
            if self.is_remote:
                self.start.wait()
            self._releases = stack.pop_all()  # Ray ends first; the folder goes last
        return self

    def __exit__(self, *_: object) -> None:
        self._releases.close()  # every release is made, also after one that raises

    def _start_ray(self) -> None:
        quiet: dict[str, Any] = {"logging_level": "WARNING", "log_to_driver": False}
        if self.address is not None:
            self.head = ray_cluster.connect(self.address, runtime_env={"env_vars": WORKER_ENVIRONMENT}, **quiet)
        else:
            ray_internals.start_local_ray(self.folder, self.preloaded, **_given_gpus(self.gpus), **quiet)

    def _wait_for_start(self) -> None:
        """Return once Ray runs. Raises what its start raised."""
        if self.start.is_running:
            with self.step("waiting for Ray"):
                import sweeper.execution.tune_run  # noqa: F401  # needed soon; Ray needs the time anyway

                self.start.wait()
        self.start.wait()

    def allocate(self, cpu: int, gpu: float, accelerator: str = "") -> TrialResources:
        """Return a trial's share of this machine or of the cluster.

        Waits up to 20 seconds until a node of the cluster is large enough. Raises UsageError if none is, or will be.
        """
        self._wait_for_start()
        if not self.is_remote:
            return fit_to_machine(cpu, gpu, accelerator, node=ray_cluster.live_nodes()[0])
        request = TrialResources(cpu, gpu, 0, accelerator=accelerator)
        potential = potential_nodes()
        ray_cluster.wait_for_slots(
            lambda: count_slots(potential, request) or count_slots(ray_cluster.live_nodes(), request)
        )
        return fit_to_cluster(cpu, gpu, accelerator, nodes=ray_cluster.live_nodes(), potential_nodes=potential)

    def run_on_all_nodes(self, check: Callable[[], str]) -> Mapping[str, str]:
        """Call `check` on every node and return the results by node name."""
        self._wait_for_start()
        return ray_cluster.run_on_each_node(check)

    def start_workers(self, resources: TrialResources) -> None:
        """Return once the workers that run trials side by side have started."""
        self._wait_for_start()
        start_workers(resources.slots, resources)

    def measure(
        self,
        measure: Measure,
        configs: Sequence[TrainConfig],
        data: Mapping[str, TrainingData],
        resources: TrialResources,
    ) -> list[Measured]:
        """Return the cost of each training, or the error that ended it; as many run at a time as trials do."""
        self._wait_for_start()
        return measure_side_by_side(measure, configs, data, resources)

    def workers(self, resources: TrialResources) -> RayWorkers:
        """Return a context in which trials run with these resources, and its workers."""
        self._wait_for_start()
        return RayWorkers(self, resources)

    def is_head_lost(self) -> bool:
        """Return True if the head of the cluster no longer answers."""
        return self.is_remote and self.head.is_lost()

    def dead_process(self) -> str | None:
        """Return the name of a vital process that has died, if Ray runs on this machine and one has."""
        dead_processes = [] if self.is_remote else ray_internals.dead_processes()
        return next((_VITAL_PROCESSES[kind] for kind in dead_processes if kind in _VITAL_PROCESSES), None)

    def restart(self) -> None:
        """Start Ray on this machine again, after one of its processes died."""
        ray.shutdown()
        self.start.repeat()


def _most_workers_run_trials(cpu: int, gpu: float) -> bool:
    """Return True if it pays that all workers import PyTorch. Ray starts one for each core, before any trial."""
    return (os.cpu_count() or 1) <= _FEW_CPUS or (cpu <= _FEW_CPUS / 2 and not gpu)


def _given_gpus(gpus: int | None) -> dict[str, int]:
    """Return Ray's option for GPUs that it does not find by itself: `gpus`, or the GPU of an Apple chip; {} if none."""
    if gpus is None and (sys.platform, platform.machine()) == ("darwin", "arm64"):
        gpus = 1
    return {} if gpus is None else {"num_gpus": gpus}


def _remove_abandoned_folders(temporary: Path) -> None:
    """Remove the folders of drivers that were killed. A living driver holds the lock in its folder."""
    for lock in temporary.glob(f"sweeper-*/{_LOCK}"):
        with suppress(OSError), FileLock(lock, timeout=0):
            shutil.rmtree(lock.parent, ignore_errors=True)
