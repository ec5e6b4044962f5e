"""Makes the jobs of a sweep's three stages, search, confirmation and test: which trainer runs on which data."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from sweeper.app.prepare_data import SEARCHED, PreparedSweep, load_training_data
from sweeper.protocol.sweep import StageJobs
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal.output import Output
from sweeper.training.types import Trainer, TrainingData
from sweeper.trials.interfaces import CheckpointStorage, Runner, TrainingJob


def stage_jobs(
    prepared: PreparedSweep,
    folder: SweepFolder,
    data: Mapping[str, TrainingData],
    storage: CheckpointStorage | None,
    say: Callable[[str], None],
) -> StageJobs:
    """Return the jobs of the three stages. The test split is loaded for the last one only, when that begins."""
    from sweeper.storage import predictions
    from sweeper.training.final_scoring import score_best_model
    from sweeper.training.resource_monitor import add_resource_metrics
    from sweeper.training.trainer import train_events

    spec, dataset, path = prepared.spec, prepared.dataset, folder.path.resolve()
    job = partial(TrainingJob, folder=path, stall_timeout=spec.stall_minutes * 60, storage=storage)

    def with_metrics(train: Trainer) -> Trainer:
        return partial(add_resource_metrics, train) if spec.tracking.system_metrics else train

    def say_step(text: str) -> AbstractContextManager[Any]:
        say(text)
        return nullcontext()

    def make_test_job() -> TrainingJob:
        splits = [name for name in (*SEARCHED, "test") if name in dataset.splits]
        test_data = load_training_data(prepared, spec.encoders, splits, step=say_step)
        return job(partial(score_best_model, objective=spec.objective), test_data)

    return StageJobs(
        search=job(with_metrics(partial(train_events, objective=spec.objective, keep_best=False)), data),
        confirm=job(with_metrics(partial(train_events, objective=spec.objective)), data),
        make_test_job=make_test_job,
        save_scores=lambda trial, scores: predictions.save_predictions(path, trial, dataset.class_names, scores),
    )


def checkpoint_storage(
    output: Output, runner: Runner, spec: SweepSpec, folder: SweepFolder
) -> CheckpointStorage | None:
    """Return the shared storage of the sweep's checkpoints, once every node has reached it; None for its folder.

    Raises UsageError if a node cannot use it.
    """
    if spec.storage is None:
        if runner.is_remote:
            promoted = "that is promoted to another node, or " if spec.pausing_rungs else ""
            again = f"a trial {promoted}whose node is lost begins again"
            output.line(f"  storage is not set: {again}, unless nodes share this folder")
        return None
    from sweeper.storage.checkpoint_storage import SharedStorage, check_shared_storage

    with output.step(f"asking every node for {spec.storage}"):
        check_shared_storage(spec.storage, runner.run_on_all_nodes)
    return SharedStorage(f"{spec.storage.rstrip('/')}/{folder.name}-{folder.manifest.id}")
