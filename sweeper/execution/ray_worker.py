"""The function that Tune runs on a worker: one attempt at a trial.

Each report is an ordinary result of Tune's, and the last one says how the trial ended. So a trial that Tune ends early
is never taken for a finished one.
"""

import os
import time
from contextlib import closing
from typing import Any

from ray import tune

from sweeper.execution.attempt import run_attempt
from sweeper.execution.gpu_room import with_gpu_share
from sweeper.execution.model_transfer import ModelExchange, with_model_transfer
from sweeper.execution.shared_job import SharedJob
from sweeper.storage.trial_files import trial_folder
from sweeper.training.types import Heartbeat
from sweeper.trials.trial import Trial, TrialEnd

_MAX_HEARTBEAT_INTERVAL = 10.0  # seconds


def run_on_worker(
    config: dict[str, Any], model_exchange: ModelExchange | None = None, *, is_measured: bool = False
) -> None:
    """Run one attempt at `config["trial"]`, with `config["share"]` of a GPU, and report its events to Tune.

    `config["job"]` is the SharedJob. `is_measured` says that trials have different shares. `model_exchange` carries the
    models of confirmed trials if nothing else does.
    """
    trial: Trial = config["trial"]
    shared_job: SharedJob = config["job"]
    tune.report({"event": Heartbeat()})
    whole_job, data = shared_job.load(trial.config.encoder)
    job = with_gpu_share(whole_job, config["share"], is_measured=is_measured)
    events = run_attempt(trial, job, data)
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
