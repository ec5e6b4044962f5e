"""Times a few steps of each kind of training of a sweep, on the runner that would run its trials."""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean

from sweeper.app.prepare_data import PreparedSweep, load_training_data
from sweeper.app.share_gpus import share_gpus
from sweeper.errors import SweeperError
from sweeper.protocol.calibration_points import calibration_points, describe_point
from sweeper.protocol.plan import Timed
from sweeper.protocol.simulated_sweep import Overhead
from sweeper.storage.free_space import existing_parent
from sweeper.storage.sweep_search import find_sweep
from sweeper.terminal import formatting
from sweeper.terminal.output import Output
from sweeper.training.config import TrainConfig
from sweeper.training.training_cost import TrainingCost, mean_cost
from sweeper.training.types import TrainingData
from sweeper.trials.interfaces import Measured, Runner
from sweeper.trials.resources import TrialResources
from sweeper.wording import count_noun

# Seconds of a core that is free, measured on two cores: to load the command with MLflow's store, to begin the first
# stage in Tune and a later one, between two trials, and for results, report and models.
_LOADING, _TUNE, _STAGE, _TRIAL, _END = 4.0, 3.0, 0.3, 0.2, 15.0
_LEAST_SHARE = 0.1  # of a core


@dataclass(frozen=True)
class Calibration:
    """The findings of a calibration.

    `resources` are those of a trial, `timed` the trainings with their costs, `overhead` the time beside them, and
    `notes` are for the user.
    """

    resources: TrialResources
    data: Mapping[str, TrainingData]
    timed: Timed
    overhead: Overhead
    notes: list[str]


def time_trainings(
    output: Output, runner: Runner, prepared: PreparedSweep, sweeps: Path, resources: TrialResources, startup: float
) -> Calibration:
    """Load the data and time a few steps of each training. Preparation and the runner's start took `startup` seconds.

    On this machine as many trainings run at a time as trials would. Raises SweeperError if none can be timed.
    """
    from sweeper.training.calibration import calibrate

    began = time.monotonic()
    data = load_training_data(prepared, prepared.spec.encoders, step=output.step)
    loaded = time.monotonic()
    begun = find_sweep(sweeps, prepared.spec)
    resources = share_gpus(output, runner, prepared.spec, resources, data, begun.path if begun else None)
    shared = time.monotonic()
    with output.step("starting workers"):
        runner.start_workers(replace(resources, slots=1) if runner.is_remote else resources)
    started = time.monotonic()
    points = calibration_points(prepared.spec, resources.cpu)
    test = prepared.dataset.splits.get("test")
    folder = None if runner.is_remote else existing_parent(sweeps)
    measure = partial(calibrate, folder=folder, test_rows=0 if test is None else len(test))
    with output.step(f"timing {count_noun(len(points), 'kind')} of training"):
        repeated = points if runner.is_remote else _fill(points, resources.slots)
        results = runner.measure(measure, repeated, data, resources)
    timed, notes = _by_point(points, repeated, results)
    busy = 1 / core_share(timed, resources)
    workers = started - shared
    overhead = Overhead(
        start=startup + shared - began + workers + busy * (_LOADING + _TUNE),
        stage=busy * _STAGE + workers * runner.is_remote,  # on a cluster, most workers do not outlive a stage
        trial=busy * _TRIAL,
        test_data=loaded - began,
        end=busy * _END,
    )
    return Calibration(resources, data, timed, overhead, notes)


def core_share(timed: Timed, resources: TrialResources) -> float:
    """Return the share of its core that a training got: 1 unless something else runs there.

    A training with several cores, or on a GPU, leaves cores unused by itself: for these it is 1 too.
    """
    if resources.cpu > 1 or resources.gpu:
        return 1.0
    return min(1.0, max(_LEAST_SHARE, fmean(cost.processor for _, cost in timed)))


def _fill(points: list[TrainConfig], slots: int) -> list[TrainConfig]:
    """Return the points, some of them again, so that they fill the slots to the end."""
    count = -(-len(points) // slots) * slots
    return list(itertools.islice(itertools.cycle(points), count))


def _by_point(
    points: list[TrainConfig], repeated: list[TrainConfig], results: list[Measured]
) -> tuple[list[tuple[TrainConfig, TrainingCost]], list[str]]:
    """Return each point with its mean cost, and a note for each one that could not be timed."""
    timed, notes, errors = [], [], []
    for point in points:
        measured = [result for config, result in zip(repeated, results, strict=True) if config is point]
        costs = [result for result in measured if isinstance(result, TrainingCost)]
        if costs:
            timed.append((point, mean_cost(costs)))
            continue
        errors.append(measured[0])
        notes.append(f"{formatting.format_params(describe_point(point, points))} could not be timed: {measured[0]}")
    if not timed and isinstance(errors[0], SweeperError):
        raise errors[0]
    return timed, notes
