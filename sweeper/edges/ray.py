"""Ray Tune: the muscle. It places trials, reuses workers, and tells when one is lost.

Tune's two extension points, Searcher and TrialScheduler, are thin adapters over one Trials: what to try and when to
stop is decided there. Workers take tokens and weights from the object store, once for each worker process; reports
come back as plain results, the last of which says how the trial ended, so that a trial which Tune cut off is never
taken for one that is done.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

# Large buffers are kept, in huge pages: on a CPU, a third of a MiniLM step is spent on page faults otherwise.
_MEMORY = {"hugetlb": 1, "trim_threshold": 2**33, "mmap_threshold": 2**25}
_ENVIRONMENT = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_FUNCTION_THREAD_TIMEOUT_S": "60",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
    "GLIBC_TUNABLES": ":".join(f"glibc.malloc.{name}={value}" for name, value in _MEMORY.items()),
}
os.environ.update({name: value for name, value in _ENVIRONMENT.items() if name not in os.environ})

import ray  # noqa: E402 - Ray reads its environment when it is imported
from ray import tune  # noqa: E402
from ray.tune.schedulers import FIFOScheduler, TrialScheduler  # noqa: E402
from ray.tune.search import Searcher  # noqa: E402

from sweeper.allocation import Allocation, on_cluster, on_machine  # noqa: E402
from sweeper.attempt import attempt, forget  # noqa: E402
from sweeper.errors import Interruption  # noqa: E402
from sweeper.ports import Finish, Job, Report, TrainingData, Trial, Trials  # noqa: E402

_FINISHED = str(Searcher.FINISHED)


class RayRunner:
    """The port Runner on Ray: one started here, or the cluster that RAY_ADDRESS names. A context manager."""

    def __init__(self) -> None:
        self.remote = bool(os.environ.get("RAY_ADDRESS"))
        self.folder = Path(tempfile.mkdtemp(prefix="sweeper-", dir="/tmp"))

    def __enter__(self) -> "RayRunner":
        quiet = {"logging_level": "WARNING", "log_to_driver": False}
        if self.remote:
            ray.init(**quiet, runtime_env={"env_vars": _ENVIRONMENT})
        else:
            ray.init(include_dashboard=False, _temp_dir=str(self.folder), **quiet)
        return self

    def __exit__(self, *_: object) -> None:
        ray.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)

    def allocate(self, cpu: int, gpu: float) -> Allocation:
        """The trial's share of what Ray has."""
        have = ray.cluster_resources()
        place = on_cluster if self.remote else on_machine
        return place(cpu, gpu, cpus=int(have.get("CPU", 0)), gpus=float(have.get("GPU", 0)))

    def run(self, trials: Trials, job: Job, allocation: Allocation) -> None:
        """Run trials side by side until there is none left."""
        store = {name: ray.put(data) for name, data in job.data.items()}
        function = tune.with_parameters(_trainable, job=Job(job.train, {}, job.folder), store=_References(store))
        with _signals() as caught:
            bridge = _Bridge(trials, job.folder, allocation.slots, caught)
            tuner = tune.Tuner(
                tune.with_resources(function, {"cpu": allocation.cpu, "gpu": allocation.gpu}),
                tune_config=tune.TuneConfig(
                    search_alg=_Proposals(bridge),
                    scheduler=_Verdicts(bridge),
                    num_samples=-1,
                    reuse_actors=True,
                    trial_dirname_creator=lambda trial: str(trial.trial_id),
                ),
                run_config=tune.RunConfig(
                    name="sweep", storage_path=str(self.folder / "tune"), verbose=0, stop=_Stopper(caught)
                ),
            )
            tuner.fit()
        shutil.rmtree(self.folder / "tune", ignore_errors=True)
        if caught:
            raise Interruption(128 + caught[0])


class _References:
    """Object references by encoder, wrapped so that Tune hands them on instead of what they refer to."""

    def __init__(self, references: Mapping[str, Any]) -> None:
        self.references = references


_kept: dict[str, TrainingData] = {}  # of this worker process: tokens and weights, shared with the object store


def _trainable(config: dict[str, Any], job: Job, store: _References) -> None:
    """One attempt, on a worker."""
    trial: Trial = config["trial"]
    reference = store.references[trial.config.encoder]
    key = reference.hex()
    if key not in _kept:
        _kept[key] = ray.get(reference)
    with closing(attempt(trial, job, _kept[key])) as events:
        for event in events:
            tune.report({"event": event})  # an object: Tune would flatten a mapping


class _Bridge:
    """What the two adapters share: the trials that Tune runs now, by Tune's name for them."""

    def __init__(self, trials: Trials, folder: Path, slots: int, caught: Sequence[int]) -> None:
        self.trials, self.folder, self.slots, self.caught = trials, folder, slots, caught
        self.running: dict[str, Trial] = {}

    def suggest(self, name: str) -> Trial | str | None:
        if self.caught:
            return _FINISHED
        if len(self.running) >= self.slots:
            return None
        trial = self.trials.next()
        if trial is not None:
            self.running[name] = trial
            return trial
        return _FINISHED if self.trials.exhausted() else None

    def event(self, name: str, event: Report | Finish) -> bool:
        """Pass an event of a trial on; False where the trial shall stop, or has ended."""
        trial = self.running.get(name)
        if trial is None:
            return False
        if isinstance(event, Report) and self.trials.report(trial, event):
            return True
        if isinstance(event, Finish):
            self.trials.finish(trial, event)
        del self.running[name]
        forget(self.folder, trial)
        return False

    def lost(self, name: str, reason: str) -> None:
        if name in self.running:
            self.trials.lost(self.running.pop(name), reason)


class _Adapter:
    """An adapter is pickled by Tune with its own snapshots, which sweeper has no use for: the record is elsewhere."""

    bridge: _Bridge

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class _Proposals(_Adapter, Searcher):  # type: ignore[misc]  # Ray is not typed
    """Tune asks it for trials."""

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__()
        self.bridge = bridge

    def suggest(self, trial_id: str) -> Any:
        found = self.bridge.suggest(trial_id)
        return {"trial": found} if isinstance(found, Trial) else found

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        if error:
            self.bridge.lost(trial_id, "its worker process died")


class _Verdicts(_Adapter, FIFOScheduler):  # type: ignore[misc]
    """Tune asks it whether a trial goes on."""

    def __init__(self, bridge: _Bridge) -> None:
        super().__init__()
        self.bridge = bridge

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        goes_on = self.bridge.event(trial.trial_id, result["event"])
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)


class _Stopper(tune.Stopper):  # type: ignore[misc]
    """Ends the whole run after a signal."""

    def __init__(self, caught: list[int]) -> None:
        self.caught = caught

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return bool(self.caught)


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Note SIGINT and SIGTERM instead of dying of them. A second one takes its usual way."""
    caught: list[int] = []
    earlier: dict[int, Any] = {}

    def note(number: int, _: FrameType | None) -> None:
        caught.append(number)
        for earlier_number, handler in earlier.items():
            signal.signal(earlier_number, handler)

    for which in (signal.SIGINT, signal.SIGTERM):
        earlier[which] = signal.signal(which, note)
    try:
        yield caught
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
