"""One run of Ray Tune, over the trials of one job after another.

Importing Tune takes half a second. The runner imports this module while Ray starts.
"""

# Ray reads its environment when it is imported, so this import must stay the first one.
import sweeper.execution.ray_environment  # noqa: F401

# isort: split
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ray import tune

from sweeper.execution import ray_cluster, ray_internals
from sweeper.execution.model_transfer import start_model_exchange
from sweeper.execution.ray_worker import run_on_worker
from sweeper.execution.shared_job import JobSharing
from sweeper.execution.tune_bridge import TuneBridge
from sweeper.execution.tune_callbacks import BridgeScheduler, BridgeSearcher, StallMonitor, StopTune
from sweeper.trials.interfaces import TrainingJob, TrialSource
from sweeper.trials.resources import TrialResources

_CHECK_INTERVAL = 0.2  # seconds
_STOP_TIMEOUT = 5.0  # seconds that Tune has to leave its loop


class TuneRun:
    """Ray Tune in a thread of its own. Its workers run the trials of one job, and then those of others.

    Tune waits forever for a dead GCS, so its thread can be abandoned; it does not keep this process alive. Tune's
    objects wait for the GCS too when they are destroyed: keep this object until Ray runs again, if it died. Tune's own
    files go to `folder`.
    """

    def __init__(self, bridge: TuneBridge, resources: TrialResources, folder: Path, *, is_remote: bool) -> None:
        """Start with the trials and the job of the bridge."""
        self.bridge, self.folder, self.is_remote = bridge, folder, is_remote
        self._sharing = JobSharing()
        self._searcher = BridgeSearcher(bridge, self._sharing.share(bridge.job))
        exchange = start_model_exchange() if is_remote and bridge.job.storage is None else None
        is_measured = resources.memory is not None
        trainable = tune.with_parameters(run_on_worker, model_exchange=exchange, is_measured=is_measured)
        # On a cluster, workers that wait would keep nodes from being released, and other requests from their GPUs.
        idle_workers = 0 if is_remote or is_measured else resources.slots
        self._tuner = tune.Tuner(
            tune.with_resources(trainable, _requests(resources)),
            tune_config=tune.TuneConfig(
                search_alg=self._searcher,
                scheduler=BridgeScheduler(bridge, idle_workers),
                num_samples=-1,  # until the searcher has finished
                reuse_actors=True,
                trial_dirname_creator=lambda trial: str(trial.trial_id),
            ),
            run_config=tune.RunConfig(
                name="sweep", storage_path=str(folder), verbose=0, callbacks=[StallMonitor(bridge)]
            ),
        )
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._fit, daemon=True)
        self._thread.start()

    def _fit(self) -> None:
        try:
            with nullcontext() if self.is_remote else ray_internals.trials_in_started_workers():
                self._tuner.fit()
        except BaseException as error:
            self._error = error

    def run_more(self, trials: TrialSource, job: TrainingJob) -> None:
        """Run other trials, once all have ended."""
        self._searcher.job = self._sharing.share(job)
        self.bridge.run_more(trials, job)

    def wait(self, stop_reason: Callable[[], object]) -> bool:
        """Wait until all trials have ended. Return False if Tune has ended before.

        This thread handles signals meanwhile. Once there is a reason to stop, Tune must end, or is abandoned. Raises
        what Tune raised.
        """
        while self._thread.is_alive() and not self.bridge.all_ended.is_set():
            if stop_reason():
                self.bridge.stop()
                self._thread.join(_STOP_TIMEOUT)
                break
            self.bridge.all_ended.wait(_CHECK_INTERVAL)
        if self._error is not None and not isinstance(self._error, StopTune):
            raise self._error
        return self.bridge.all_ended.is_set()

    def close(self) -> None:
        """End Tune and its workers, in a few seconds at most. Trials that run are left where they are."""
        if self.bridge.all_ended.is_set():
            self.bridge.finish()
        else:  # an exception, such as one of a signal handler, has ended the run
            self.bridge.stop()
        self._thread.join(_STOP_TIMEOUT)
        shutil.rmtree(self.folder, ignore_errors=True)


def _requests(resources: TrialResources) -> Any:
    """Return what trials request: one request for all, or a function of a trial's share of a GPU."""
    if resources.memory is None:
        return ray_cluster.resource_request(resources)
    return partial(_request_of_trial, replace(resources, memory=None))


def _request_of_trial(resources: TrialResources, config: Mapping[str, Any]) -> Any:
    request = ray_cluster.resource_request(resources, config["share"].gpu)
    return tune.PlacementGroupFactory([{"CPU": request.pop("cpu"), "GPU": request.pop("gpu"), **request}])
