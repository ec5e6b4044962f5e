"""The trainings of the design, in parallel processes with one thread each."""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.recipes.design import Job
from benchmarks.result_files import read_result, write_result
from sweeper.errors import DivergedError
from sweeper.training.types import TrainingData


def train_missing(jobs: Sequence[Job], folder: Path) -> None:
    """Train the jobs that have no file in the folder, on all cores."""
    from sweeper.training.device import cpu_count

    missing = [job for job in jobs if read_result(folder, job.key) is None]
    with ProcessPoolExecutor(cpu_count(), mp_context=get_context("spawn")) as pool:
        running = {pool.submit(run_job, job): job for job in missing}
        for place, future in enumerate(as_completed(running), 1):
            job, result = running[future], future.result()
            write_result(folder, job.key, result)
            score = max(result["scores"], default=0.0)
            print(f"{place} of {len(missing)}: {job.name}, seed {job.seed}: {score:.4f}", file=sys.stderr, flush=True)


def run_job(job: Job) -> dict[str, Any]:
    """Train once with one thread, and return what its file shall hold."""
    from benchmarks.papers import MINILM, data

    return train_job(job, data(job.dataset, MINILM, job.rows))


def train_job(job: Job, training_data: TrainingData) -> dict[str, Any]:
    """Train on these data, and return what its file shall hold: the accuracy after each epoch among it."""
    from sweeper.training.config import TrainConfig
    from sweeper.training.trainer import train

    config = TrainConfig.model_validate({"threads": 1, **job.hyperparameters})
    start, error = time.perf_counter(), ""
    scores: list[float] = []
    try:
        for report in train(config, training_data):
            scores.append(report.metrics["validation/accuracy"])
    except DivergedError as diverged:
        error = str(diverged)
    about = {"dataset": job.dataset, "rows": job.rows, "loss": job.loss, "recipe": job.recipe, "seed": job.seed}
    outcome = {"scores": scores, "error": error, "seconds": time.perf_counter() - start}
    return {**about, "hyperparameters": dict(job.hyperparameters), **outcome}
