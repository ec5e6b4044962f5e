"""The output of `replay`: what the curves come from, how good the surrogate is, and the tables of all arms."""

import argparse
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import pandas as pd

from benchmarks.economy.arms import ARMS
from benchmarks.economy.earlier import earlier_sweep
from benchmarks.economy.figures import table_lines
from benchmarks.economy.matching import match_lines
from benchmarks.economy.problem import Problem
from benchmarks.economy.ratios import SHIPPED
from benchmarks.economy.replay import Job, Result, run_jobs
from benchmarks.economy.rows import REMEDY, SETTING, describe_machine, read_parquet_file, read_rows
from benchmarks.economy.settings import LOSSES
from benchmarks.economy.space_of_users import BATCH_SIZES
from benchmarks.economy.summary import summary_lines
from benchmarks.economy.surrogate import ACCURACY, describe_fit, has_two_seeds
from sweeper.errors import UsageError

REPLAYED = (*SETTING, "sweep_seed", "seed", "trial", "step", ACCURACY, "seconds")  # columns that a replay needs
_REPLAYS_OF_A_SEED = 10**6  # more than anyone makes


def report_replays(arguments: argparse.Namespace) -> None:
    """Replay all arms on each file of rows, print tables or the summary, and write the results. Raises UsageError."""
    arms = chosen_arms(arguments.arms, arguments.arm)
    if arguments.summary:
        check_summary(arms, arguments.reference, arguments.trials)
    results = []
    for problem in open_problems(arguments.rows, nearest=arguments.nearest):
        print(f"\n## {problem.dataset}\n", flush=True)
        print(describe_problem(problem), flush=True)
        start = time.monotonic()
        jobs = make_jobs(arms, arguments.trials, arguments.workers, arguments.replays, arguments.seed)
        results.append(run_jobs(problem, jobs).assign(dataset=problem.dataset))
        machine = describe_machine()
        seconds = f"{time.monotonic() - start:.0f} s on {machine['cores']} cores of {machine['processor']}"
        print(f"{len(jobs)} searches were replayed in {seconds}.\n")
        if not arguments.summary:
            print("\n".join([*table_lines(results[-1]), *_match_lines(results[-1], arguments.reference)]), flush=True)
    if arguments.out:
        pd.concat(results).to_parquet(arguments.out)
    if arguments.summary:
        print("\n".join(["## Summary\n", *summary_lines(pd.concat(results), arguments.reference)]))


def report_results(paths: Sequence[Path], reference: str) -> None:
    """Print the summary of the replays in these files, and how many there are. Raises UsageError."""
    results = pd.concat([read_results(path) for path in paths])
    check_summary(list(results["arm"].unique()), reference, [int(trials) for trials in results["trials"].unique()])
    counts = _count_replays(results, reference)
    print("\n".join(summary_lines(results, reference)))
    print(f"\n{len(results)} searches: {' or '.join(map(str, counts))} replays of each.")


def _count_replays(results: pd.DataFrame, reference: str) -> list[int]:
    """Return the numbers of replays that a search has.

    Raises UsageError if an arm was not replayed as often as the reference at each budget on each data set.
    """
    counts = results.groupby(["arm", "dataset", "workers", "trials"]).size().unstack("arm", fill_value=0)
    for arm in counts:
        unequal = counts.index[counts[arm] != counts[reference]]
        if len(unequal):
            dataset, workers, trials = unequal[0]
            place = f"{dataset} with {workers} workers and {trials} trials"
            theirs, ours = (counts.loc[unequal[0], name] for name in (arm, reference))
            text = f"{arm} has {theirs} replays of {place}, and {reference} has {ours}; replay both alike"
            raise UsageError(text)
    return sorted(set(counts[reference]))


def read_results(path: Path) -> pd.DataFrame:
    """Return the results of searches that `replay --out` has written. Raises UsageError for another file."""
    columns = [*(field.name for field in fields(Result)), "dataset"]
    return read_parquet_file(path, "results", "write it with `replay --out`", columns)


def open_problems(paths: Sequence[Path], *, nearest: bool) -> Iterator[Problem]:
    """Yield the problem in each file of rows. The other files are its earlier sweeps. Raises UsageError."""
    rows = {path: read_replayable(path) for path in paths}
    sweeps = {path: earlier_sweep(path.stem, rows[path]) for path in paths}
    for path in paths:
        earlier = [sweep for other, sweep in sweeps.items() if other != path]
        yield Problem(path.stem, rows[path], nearest=nearest, earlier=earlier)


def read_replayable(path: Path) -> pd.DataFrame:
    """Return the rows of a file. Raises UsageError if they cannot be replayed."""
    rows = read_rows(path)
    absent = [name for name in REPLAYED if name not in rows.columns]
    if absent:
        raise UsageError(f"{path}: has no column {absent[0]}; {REMEDY}")
    missing = sorted(set(LOSSES) - set(rows["loss"]))
    if missing:
        raise UsageError(f"{path}: has no trial of {missing[0]}; record more of them, and {REMEDY}")
    for loss, group in rows.groupby("loss"):
        unknown = sorted(set(BATCH_SIZES) - set(group["batch_size"]))
        if unknown:
            text = f"has no trial of {loss} with batch size {unknown[0]}, whose time is therefore unknown"
            raise UsageError(f"{path}: {text}; record more of them, and {REMEDY}")
        if not has_two_seeds(group):
            raise UsageError(f"{path}: no setting of {loss} has two seeds, which give the noise; record a second seed")
    return rows


def chosen_arms(words: Sequence[str] | None, added: Sequence[Sequence[str]]) -> Mapping[str, tuple[str, ...]]:
    """Return the overrides of each arm to replay, by name; none for those in ARMS. Raises UsageError."""
    names = [name for name in ARMS if words is None or any(_is_meant(word, name) for word in words)]
    if words and not names:
        raise UsageError(f"--arms {' '.join(words)}: no such arm, allowed are words of: {', '.join(ARMS)}")
    for name, *overrides in added:
        if name in ARMS or not overrides:
            raise UsageError(f"--arm {name}: needs a new name, and keys as in sampler=qmc")
    return dict.fromkeys(names, ()) | {name: tuple(overrides) for name, *overrides in added}


def _is_meant(word: str, arm: str) -> bool:
    """Return True if the word is an arm's name, or the name of none and a part of it."""
    return word == arm if word in ARMS else word.lower() in arm.lower()


def check_summary(arms: Collection[str], reference: str, trials: Collection[int]) -> None:
    """Raise UsageError if no summary can be made of these arms and budgets."""
    if reference not in arms:
        raise UsageError(f"--reference {reference}: was not replayed, and arms are compared with it; add it to --arms")
    if not set(trials) & set(SHIPPED):
        raise UsageError(f"--trials: a summary needs a shipped budget, one of {', '.join(map(str, SHIPPED))}")


def make_jobs(
    arms: Mapping[str, tuple[str, ...]], trials: Sequence[int], workers: Sequence[int], replays: int, seed: int
) -> list[Job]:
    """Return one job for each search. Different values of `seed` give different replays, however many each has."""
    return [
        Job(arm, size, count, seed * _REPLAYS_OF_A_SEED + replay, overrides)
        for arm, overrides in arms.items()
        for count in workers
        for size in trials
        for replay in range(replays)
    ]


def describe_problem(problem: Problem) -> str:
    """Return in words what was recorded, how well the surrogate predicts it, and the best recorded settings."""
    fit = {name: 100 * value for name, value in describe_fit(problem.surrogate.records).items()}
    best, typical = (
        ", ".join(f"{name} {100 * value:.2f}" for name, value in values.items())
        for values in (problem.best_recorded, problem.typical)
    )
    return (
        f"{len(problem.surrogate.records.settings)} recorded settings. The best validation accuracy, in points, has a "
        f"standard deviation of {fit['spread']:.2f} over settings and of {fit['noise']:.2f} over seeds. On held-out "
        f"settings the surrogate is off by {fit['error']:.2f}, and the nearest setting by {fit['nearest_error']:.2f} "
        f"(root mean squares).\nBest recorded settings by the surrogate: {best}. Median of all settings: {typical}."
    )


def _match_lines(results: pd.DataFrame, reference: str) -> Iterator[str]:
    if reference in set(results["arm"]):
        yield f"\nEpochs for the regret of {reference} at its budgets, in bold where it needs more itself:"
        yield from match_lines(results, reference)
