"""The trainings of the design, in parallel processes with one thread each."""

import sys
from collections.abc import Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

from benchmarks.recipes.design import Job
from benchmarks.result_files import read_result, write_result
from benchmarks.worker_processes import worker_pool
from sweeper.training.types import TrainingData


def train_missing(jobs: Sequence[Job], folder: Path) -> None:
    """Train the jobs that have no file in the folder, on all cores.

    If a training fails, the others go on. Afterwards, the first failure is raised.
    """
    from sweeper.training.device import cpu_count

    missing = [job for job in jobs if read_result(folder, job.key) is None]
    failures: list[Exception] = []
    with worker_pool(cpu_count()) as pool:
        running = {pool.submit(run_job, job): job for job in missing}
        for place, future in enumerate(as_completed(running), 1):
            job = running[future]
            try:
                result = future.result()
            except Exception as error:  # of any training
                failures.append(error)
                end = f"failed: {error}"
            else:
                write_result(folder, job.key, result)
                end = f"{max(result['scores'], default=0.0):.4f}"
            print(f"{place} of {len(missing)}: {job.name}, seed {job.seed}: {end}", file=sys.stderr, flush=True)
    if failures:
        raise failures[0]


def run_job(job: Job) -> dict[str, Any]:
    """Train once with one thread, and return what its file shall hold."""
    from benchmarks.papers import MINILM, data

    return train_job(job, data(job.dataset, MINILM, job.rows))


def train_job(job: Job, training_data: TrainingData) -> dict[str, Any]:
    """Train on these data, and return what its file shall hold: the accuracy after each epoch among it."""
    from benchmarks.training_course import follow_training
    from sweeper.training.config import TrainConfig

    course = follow_training(TrainConfig.model_validate({"threads": 1, **job.hyperparameters}), training_data)
    about = {"dataset": job.dataset, "rows": job.rows, "loss": job.loss, "recipe": job.recipe, "seed": job.seed}
    outcome = {"scores": course.values("validation/accuracy"), "error": course.error, "seconds": course.seconds}
    return {**about, "hyperparameters": dict(job.hyperparameters), **outcome}
