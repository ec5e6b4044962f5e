"""The function that Tune runs on a worker: one attempt at a trial.

Token arrays and weights come from Ray's object store, once per worker process. Each report is an ordinary result of
Tune's, and the last one says how the trial ended. So a trial that Tune ends early is never taken for a finished one.
"""

import os
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import ray
from ray import tune

from sweeper.execution.attempt import run_attempt
from sweeper.execution.gpu_room import with_gpu_share
from sweeper.execution.model_transfer import ModelExchange, with_model_transfer
from sweeper.storage.trial_files import trial_folder
from sweeper.training.types import Heartbeat, TrainingData
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.trial import Trial, TrialEnd

_MAX_HEARTBEAT_INTERVAL = 10.0  # seconds

_data_of_process: dict[str, TrainingData] = {}  # by reference; the arrays share their memory with the object store


class DataReferences:
    """References to training data in the object store, by encoder.

    Tune replaces a reference among the parameters of a function by the data that it refers to (Ray 2.60). Inside this
    object it leaves references as they are, and a worker process loads the data only once.
    """

    def __init__(self, references: Mapping[str, Any]) -> None:
        self.references = references


def run_on_worker(
    config: dict[str, Any],
    job: TrainingJob,
    data_references: DataReferences,
    model_exchange: ModelExchange | None,
    *,
    is_measured: bool = False,
) -> None:
    """Run one attempt at `config["trial"]`, with `config["share"]` of a GPU, and report its events to Tune.

    `job` comes without data. `is_measured` says that trials have different shares. `model_exchange` carries the models
    of confirmed trials if nothing else does.
    """
    trial: Trial = config["trial"]
    tune.report({"event": Heartbeat()})
    job = with_gpu_share(job, config["share"], is_measured=is_measured)
    events = run_attempt(trial, job, _load_data(data_references.references[trial.config.encoder]))
    if model_exchange is not None and trial.source_trial:
        events = with_model_transfer(events, trial_folder(job.folder, trial), model_exchange)
    interval, last_sent = min(job.stall_timeout / 6, _MAX_HEARTBEAT_INTERVAL), time.monotonic()
    with closing(events):
        for event in events:
            now = time.monotonic()
            if event == Heartbeat() and now - last_sent < interval:
                continue
            last_sent = now
            tune.report({"event": event})  # one object, because Tune would flatten a mapping
            if isinstance(event, TrialEnd) and event.breaks_process:
                os._exit(1)  # the driver has the event; a training that returned would pass its worker on


def _load_data(reference: Any) -> TrainingData:
    """Return the data behind a reference. Later trials of this process reuse it."""
    key = reference.hex()
    if key not in _data_of_process:
        _data_of_process[key] = ray.get(reference)
    return _data_of_process[key]
