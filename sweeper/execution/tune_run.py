"""One run of Ray Tune over the trials of a job.

Importing Tune takes half a second. The runner imports this module while Ray starts.
"""

# Ray reads its environment when it is imported, so this import must stay the first one.
import sweeper.execution.ray_environment  # noqa: F401

# isort: split
import shutil
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune

from sweeper.execution import ray_cluster, ray_internals
from sweeper.execution.abandonable_call import run_abandonable
from sweeper.execution.model_transfer import start_model_exchange
from sweeper.execution.ray_worker import DataReferences, run_on_worker
from sweeper.execution.tune_bridge import TuneBridge
from sweeper.execution.tune_callbacks import BridgeScheduler, BridgeSearcher, StallMonitor, StopTune
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.resources import TrialResources

_STOP_TIMEOUT = 5.0  # seconds that Tune has to leave its loop


def run_tune(
    bridge: TuneBridge,
    job: TrainingJob,
    resources: TrialResources,
    stop_reason: Callable[[], object],
    folder: Path,
    *,
    is_remote: bool,
) -> list[StopTune]:
    """Run Tune until no trial is left, or until there is a reason to stop it. Its own files go to `folder`.

    Tune waits forever for a dead GCS, so it runs in a thread that can be abandoned. Tune's objects wait for the GCS too
    when they are destroyed. The returned exceptions keep them alive; release them when Ray runs again.
    """
    references = DataReferences({encoder: ray.put(data) for encoder, data in job.data.items()})
    exchange = start_model_exchange() if is_remote and job.storage is None else None
    trainable = tune.with_parameters(
        run_on_worker,
        job=replace(job, data={}),
        data_references=references,
        model_exchange=exchange,
        is_measured=resources.memory is not None,
    )
    tuner = _make_tuner(trainable, bridge, resources, stop_reason, folder)
    stop_exceptions: list[StopTune] = []

    def fit() -> None:
        try:
            tuner.fit()
        except StopTune as stop:
            stop_exceptions.append(stop)

    with nullcontext() if is_remote else ray_internals.trials_in_started_workers():
        run_abandonable(fit, stop_reason, _STOP_TIMEOUT)
    shutil.rmtree(folder, ignore_errors=True)
    return stop_exceptions


def _make_tuner(
    trainable: Any, bridge: TuneBridge, resources: TrialResources, stop_reason: Callable[[], object], folder: Path
) -> Any:
    return tune.Tuner(
        tune.with_resources(trainable, _requests(resources)),
        tune_config=tune.TuneConfig(
            search_alg=BridgeSearcher(bridge),
            scheduler=BridgeScheduler(bridge),
            num_samples=-1,  # until the searcher has finished
            reuse_actors=True,
            trial_dirname_creator=lambda trial: str(trial.trial_id),
        ),
        run_config=tune.RunConfig(
            name="sweep",
            storage_path=str(folder),
            verbose=0,
            callbacks=[StallMonitor(bridge, stop_reason)],
        ),
    )


def _requests(resources: TrialResources) -> Any:
    """Return what trials request: one request for all, or a function of a trial's share of a GPU."""
    if resources.memory is None:
        return ray_cluster.resource_request(resources)
    return partial(_request_of_trial, replace(resources, memory=None))


def _request_of_trial(resources: TrialResources, config: Mapping[str, Any]) -> Any:
    request = ray_cluster.resource_request(resources, config["share"].gpu)
    return tune.PlacementGroupFactory([{"CPU": request.pop("cpu"), "GPU": request.pop("gpu"), **request}])
