"""Ray: the muscle. It places trials, reuses workers, and tells when one is lost.

Workers take tokens and weights from the object store, once for each worker process; reports come back as plain
results, the last of which says how the trial ended, so that a trial which Tune cut off is never taken for one that is
done. Between reports a worker gives signs of life. Where Ray itself dies on this machine, it is started again, and the
trials go on from their checkpoints.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

# Large buffers are kept, in huge pages: on a CPU, a third of a MiniLM step is spent on page faults otherwise.
_MEMORY = {"hugetlb": 1, "trim_threshold": 2**33, "mmap_threshold": 2**25}
_ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_MAX_PENDING_TRIALS_PG": "10000",  # as many as there are slots, not one after the other
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "30",  # a training that does not end when it is told to
    "TUNE_FORCE_TRIAL_CLEANUP_S": "30",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    "TUNE_STATE_REFRESH_PERIOD": "3600",  # it asks the GCS, and waits for ever for one that is dead
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "GLIBC_TUNABLES": ":".join(f"glibc.malloc.{name}={value}" for name, value in _MEMORY.items()),
}
_OWN = {"RAY_gcs_rpc_server_reconnect_timeout_s": "86400"}  # Ray shall not end the driver for a dead GCS: `_dead`, Head
os.environ.update({name: value for name, value in {**_ENVIRONMENT, **_OWN}.items() if name not in os.environ})

import ray  # noqa: E402 - Ray reads its environment when it is imported
from filelock import FileLock  # noqa: E402
from ray import tune  # noqa: E402

from sweeper.errors import SweeperError, SweepInterrupted  # noqa: E402
from sweeper.execution import ray_cluster  # noqa: E402
from sweeper.execution.abandonable_call import run_abandonable  # noqa: E402
from sweeper.execution.attempt import run_attempt  # noqa: E402
from sweeper.execution.autoscaler import potential_nodes  # noqa: E402
from sweeper.execution.model_transfer import Call, start_model_exchange, with_model_transfer  # noqa: E402
from sweeper.execution.signals import collect_signals, shield_signals  # noqa: E402
from sweeper.execution.tune_bridge import TuneBridge  # noqa: E402
from sweeper.execution.tune_callbacks import BridgeScheduler, BridgeSearcher, StallMonitor, StopTune  # noqa: E402
from sweeper.storage.trial_files import trial_folder
from sweeper.training.types import Heartbeat, TrainingData
from sweeper.trials.interfaces import TrainingJob, TrialSource  # noqa: E402
from sweeper.trials.outcome import Outcome  # noqa: E402
from sweeper.trials.resources import TrialResources, count_slots, fit_to_cluster, fit_to_machine  # noqa: E402
from sweeper.trials.trial import Trial, TrialEnd  # noqa: E402

_LOCK = "driver.lock"  # held while the driver lives
_LEAVES = 5.0  # seconds that Tune has to leave its loop
_VITAL = {"gcs_server": "the GCS", "raylet": "the raylet"}  # the processes without which nothing runs


class RayRunner:
    """The port Runner on Ray: one started here, or the cluster that RAY_ADDRESS names. A context manager."""

    def __init__(self, temporary: Path = Path("/tmp")) -> None:
        """Ray keeps its sockets and logs in a folder of its own in `temporary`, whose name must be short."""
        self.address = os.environ.get("RAY_ADDRESS") or "local"
        self.is_remote = self.address != "local"
        _tidy(temporary)
        self.folder = Path(tempfile.mkdtemp(prefix="sweeper-", dir=temporary))
        self.lock = FileLock(self.folder / _LOCK)
        self.lock.acquire()

    def __enter__(self) -> "RayRunner":
        quiet = {"logging_level": "WARNING", "log_to_driver": False}
        with shield_signals():
            if self.is_remote:
                self.head = ray_cluster.connect(self.address, runtime_env={"env_vars": _ENVIRONMENT}, **quiet)
            else:
                ray.init("local", include_dashboard=False, _temp_dir=str(self.folder), **quiet)
        return self

    def __exit__(self, *_: object) -> None:
        ray.shutdown()
        self.lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _again(self) -> None:
        """Start Ray once more, after it died."""
        ray.shutdown()
        self.__enter__()

    def allocate(self, cpu: int, gpu: float, accelerator: str = "") -> TrialResources:
        """The trial's share of what Ray has."""
        if self.is_remote:
            asked = TrialResources(cpu, gpu, 0, accelerator=accelerator)
            coming = potential_nodes()
            ray_cluster.wait_for_room(
                lambda: count_slots(coming, asked) or count_slots(ray_cluster.live_nodes(), asked)
            )
            return fit_to_cluster(cpu, gpu, accelerator, nodes=ray_cluster.live_nodes(), potential_nodes=coming)
        return fit_to_machine(cpu, gpu, accelerator, node=ray_cluster.live_nodes()[0])

    def run_on_all_nodes(self, check: Callable[[], str]) -> Mapping[str, str]:
        """What a function returns on each node."""
        return ray_cluster.run_on_each_node(check)

    def run(self, trials: TrialSource, job: TrainingJob, allocation: TrialResources) -> None:
        """Run trials side by side until there is none left. Ray is started again where it dies."""
        with collect_signals() as caught:
            while not trials.is_exhausted():
                bridge = TuneBridge(trials, job, self._slots(allocation))
                left = self._tune(bridge, job, allocation, lambda: caught or self._dead() or self._alone())
                unfinished = bridge.close()
                if bridge.error is not None:
                    raise bridge.error
                if caught:
                    raise SweepInterrupted(128 + caught[0])
                if self._alone():
                    raise SweeperError(
                        f"the head of the Ray cluster at {self.head.address} does not answer any more; "
                        "when it is back, the same command goes on where it stopped"
                    )
                if dead := self._dead():
                    trials.notify(None, f"{_VITAL[dead]} of Ray died; Ray starts again")
                    for trial in unfinished:
                        trials.worker_lost(
                            trial, TrialEnd(Outcome.FAILED, f"{_VITAL[dead]} of Ray died"), infrastructure_fault=True
                        )
                    self._again()
                left.clear()

    def _slots(self, allocation: TrialResources) -> Callable[[], int]:
        """How many trials run at once: on a cluster, nodes that join are used."""
        if not self.is_remote:
            return lambda: allocation.slots
        grown = count_slots(potential_nodes(), allocation)
        return ray_cluster.CachedCount(lambda: max(count_slots(ray_cluster.live_nodes(), allocation), grown))

    def _tune(
        self, bridge: TuneBridge, job: TrainingJob, allocation: TrialResources, reason: Callable[[], object]
    ) -> list[StopTune]:
        """Run Tune until no trial is left, or there is a reason to leave it.

        It runs in a thread, to be left behind where it does not leave by itself: it waits for ever for a dead GCS, and
        so do its objects when they go. What is returned keeps them until there is a Ray again.
        """
        left: list[StopTune] = []
        store = {name: ray.put(data) for name, data in job.data.items()}
        worker_job = replace(job, data={})
        models = start_model_exchange() if self.is_remote and job.storage is None else None
        function = tune.with_parameters(_trainable, job=worker_job, store=_References(store), models=models)
        tuner = tune.Tuner(
            tune.with_resources(function, ray_cluster.resource_request(allocation)),
            tune_config=tune.TuneConfig(
                search_alg=BridgeSearcher(bridge),
                scheduler=BridgeScheduler(bridge),
                num_samples=-1,
                reuse_actors=True,
                trial_dirname_creator=lambda trial: str(trial.trial_id),
            ),
            run_config=tune.RunConfig(
                name="sweep",
                storage_path=str(self.folder / "tune"),
                verbose=0,
                callbacks=[StallMonitor(bridge, reason)],
            ),
        )

        def fit() -> None:
            try:
                tuner.fit()
            except StopTune as leaving:
                left.append(leaving)

        run_abandonable(fit, reason, _LEAVES)
        shutil.rmtree(self.folder / "tune", ignore_errors=True)
        return left

    def _alone(self) -> bool:
        """Whether the cluster's head is lost."""
        return self.is_remote and self.head.gone()

    def _dead(self) -> str | None:
        """Which process of the Ray that was started here has died, if any."""
        node = None if self.is_remote else ray._private.worker._global_node
        dead = node.dead_processes() if node is not None else []
        return next((name for name, _ in dead if name in _VITAL), None)


def _tidy(temporary: Path) -> None:
    """Remove the folders of sweepers that were killed."""
    for lock in temporary.glob(f"sweeper-*/{_LOCK}"):
        with suppress(OSError), FileLock(lock, timeout=0):
            shutil.rmtree(lock.parent, ignore_errors=True)


class _References:
    """Object references by encoder, wrapped so that Tune hands them on instead of what they refer to."""

    def __init__(self, references: Mapping[str, Any]) -> None:
        self.references = references


_kept: dict[str, TrainingData] = {}  # of this worker process: tokens and weights, shared with the object store


def _trainable(config: dict[str, Any], job: TrainingJob, store: _References, models: Call | None) -> None:
    """One attempt, on a worker; `models` carries those of confirmed trials, where nothing else does."""
    trial: Trial = config["trial"]
    tune.report({"event": Heartbeat()})
    reference = store.references[trial.config.encoder]
    key = reference.hex()
    if key not in _kept:
        _kept[key] = ray.get(reference)
    beat, last = min(job.stall_timeout / 6, 10.0), time.monotonic()
    events = run_attempt(trial, job, _kept[key])
    if models is not None and trial.source_trial:
        events = with_model_transfer(events, trial_folder(job.folder, trial), models)
    with closing(events):
        for event in events:
            now = time.monotonic()
            if event == Heartbeat() and now - last < beat:
                continue
            last = now
            tune.report({"event": event})  # an object: Tune would flatten a mapping
