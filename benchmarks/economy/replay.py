"""Replays of searches on recorded curves: each arm at several budgets, many times, on all cores."""

import os
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.economy.arms import ARMS, sweeper_arm
from benchmarks.economy.clock import run_search
from benchmarks.economy.problem import Problem
from benchmarks.economy.settings import LOSSES
from benchmarks.worker_processes import worker_pool


@dataclass(frozen=True)
class Job:
    """One search to replay. Its seed follows from its arm, size and number. With `overrides`, it is sweeper's."""

    arm: str
    trials: int
    workers: int
    replay: int
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """The outcome of a search. Accuracies are shares of 1.

    `regret` is the mean over systems of how much the true value of the chosen setting is below that of the best
    recorded setting. It is negative if the search has found better ones.
    `optimism` is the mean over systems of the search's own score minus the true value.
    """

    arm: str
    trials: int
    workers: int
    replay: int
    epochs: float
    hours: float
    regret: float
    optimism: float


def run_job(problem: Problem, job: Job) -> Result:
    """Run one search, and measure what it chose."""
    seed = zlib.crc32(repr((job.arm, job.trials, job.workers, job.replay)).encode()) >> 1
    arm = sweeper_arm(*job.overrides) if job.overrides else ARMS[job.arm]
    with closing(arm(problem, job.trials, seed)) as search:
        cost = run_search(search, problem, job.workers)
        chosen = search.chosen()
    true = {name: problem.true_value(choice.setting) for name, choice in chosen.items()}
    regrets = [problem.best_recorded[name] - true.get(name, problem.typical[name]) for name in LOSSES]
    optimism = [choice.score - true[name] for name, choice in chosen.items()]
    return Result(
        arm=job.arm,
        trials=job.trials,
        workers=job.workers,
        replay=job.replay,
        epochs=cost.epochs,
        hours=cost.hours,
        regret=float(np.mean(regrets)),
        optimism=float(np.mean(optimism)),
    )


def run_jobs(problem: Problem, jobs: Sequence[Job]) -> pd.DataFrame:
    """Run searches on all cores, and return one row for each."""
    problem.prepare()  # before it is copied to the processes
    cores = len(os.sched_getaffinity(0))
    with worker_pool(cores, _set_problem, problem) as pool:
        results = pool.map(_run, jobs, chunksize=4)
        return pd.DataFrame([vars(result) for result in results])


_problem: list[Problem] = []  # of this process


def _set_problem(problem: Problem) -> None:
    _problem[:] = [problem]


def _run(job: Job) -> Result:
    return run_job(_problem[0], job)
