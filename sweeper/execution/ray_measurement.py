"""Trainings that are timed on Ray's workers: in the processes and with the neighbours that trials have."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ray
from ray.exceptions import RayError

from sweeper.errors import SweeperError
from sweeper.execution.ray_cluster import resource_request
from sweeper.training.config import TrainConfig
from sweeper.training.training_cost import TrainingCost
from sweeper.training.types import TrainingData
from sweeper.trials.interfaces import Measure, Measured
from sweeper.trials.resources import TrialResources


def start_workers(count: int, resources: TrialResources) -> None:
    """Return once `count` workers with the resources of a trial have started and loaded the trainer."""

    def load() -> None:
        import sweeper.training.calibration  # noqa: F401

    ray.get([_task(load, resources).remote() for _ in range(count)])


def measure_side_by_side(
    measure: Measure, configs: Sequence[TrainConfig], data: Mapping[str, TrainingData], resources: TrialResources
) -> list[Measured]:
    """Return the cost of each training, or the error that ended it. As many run at a time as Ray has room for."""

    def call(config: TrainConfig, encoded: TrainingData) -> TrainingCost:  # `ray.remote` takes functions only
        return measure(config, encoded)

    stored = {encoder: ray.put(encoded) for encoder, encoded in data.items()}
    tasks = [
        _task(call, resources, resources.share_of(config).gpu).remote(config, stored[config.encoder])
        for config in configs
    ]
    return [_result(task) for task in tasks]


def _task(function: Callable[..., Any], resources: TrialResources, gpu: float | None = None) -> Any:
    request = resource_request(resources, gpu)
    cpu, gpu = request.pop("cpu"), request.pop("gpu")
    return ray.remote(function).options(num_cpus=cpu, num_gpus=gpu, resources=request, max_retries=0)


def _result(reference: Any) -> Measured:
    try:
        cost: TrainingCost = ray.get(reference)
    except SweeperError as error:
        cause = getattr(error, "cause", error)  # Ray raises an error that is both of its own type and of the cause's
        return SweeperError(" ".join(str(cause).split()))
    except RayError as error:
        return SweeperError(f"its worker failed ({' '.join(str(error).split())[:200]})")
    return cost
