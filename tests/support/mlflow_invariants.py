"""Checks that MLflow shows what the record has (invariant 5), without the code under test."""

import math
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.journal_reader import JournalTrial, numbered_trials, read_operations, trials_of

Rows = dict[tuple[str, int], str]
Runs = dict[str, list[Any]]
Test = dict[str, Any]  # a test score: its time, step and metrics

STUDY_ATTRIBUTE = 2  # Optuna's JournalOperation


def check_mlflow(folder: Path, uri: str) -> list[str]:
    """Return what differs between MLflow and the record of a finished sweep."""
    try:
        client, runs = _runs(folder, uri)
    except Exception as error:  # whatever MLflow raises: it cannot read its store
        return [f"MLflow: cannot be opened: {str(error).partition(chr(10))[0]}"]
    trials, tests = dict(numbered_trials(trials_of(folder))), _test_scores(folder)
    confirmed = any(trial.last("source_trial") for trial in trials.values())
    found = [*_check_parents("sweep", runs, 1), *_check_parents("confirmation", runs, int(confirmed))]
    children = [run for stage in ("search", "confirm") for run in runs[stage]]
    numbers = sorted(_number(run) for run in children)
    if numbers != sorted(trials):
        found.append(f"MLflow: has runs of the trials {numbers}, the record {sorted(trials)}")
    for run in children:
        if _number(run) in trials:
            parents = runs["confirmation" if trials[_number(run)].last("source_trial") else "sweep"]
            lines = _check_run(client, run, trials[_number(run)], tests.get(_number(run)), parents)
            found += [f"MLflow, trial {_number(run)}: {line}" for line in lines]
    return found


def _check_parents(stage: str, runs: Runs, expected: int) -> Iterator[str]:
    """Yield what is wrong with the parent runs of a stage."""
    if len(runs[stage]) != expected:
        yield f"MLflow: {len(runs[stage])} runs of the stage {stage}, not {expected}"
    for run in runs[stage]:
        if run.info.status != "FINISHED":
            yield f"MLflow: the run of the stage {stage} is {run.info.status}"
        allowed = [other.info.run_id for other in runs["sweep"]] if stage != "sweep" else [None]
        if run.data.tags.get("mlflow.parentRunId") not in allowed:
            yield f"MLflow: the run of the stage {stage} is no child of the sweep's own"


def check_not_ahead(folder: Path, database: Path) -> list[str]:
    """Return what MLflow has and the record does not: the record always comes first, also after a kill.

    Reads a copy of the database without MLflow, which would repair what the kill left incomplete.
    """
    trials, tests = dict(numbered_trials(trials_of(folder))), _test_scores(folder)
    found = []
    for number, logged, step in _logged_metrics(database):
        name = "validation/accuracy" if logged == "best/epoch" else logged.removeprefix("best/")
        if (name, step) not in _expected(trials.get(number, JournalTrial("")), tests.get(number)):
            found.append(f"MLflow, trial {number}: {name} at step {step} is not in the record")
    return found


def _logged_metrics(database: Path) -> list[tuple[int, str, int]]:
    """Return trial, name and step of every metric in an MLflow database; none if it has no tables yet."""
    query = """select cast(tags.value as int), metrics.key, metrics.step from metrics
        join tags on tags.run_uuid = metrics.run_uuid and tags.key = 'sweeper.trial'"""
    with tempfile.TemporaryDirectory() as place:
        for path in database.parent.glob(f"{database.name}*"):  # with the journal of an interrupted transaction
            shutil.copy(path, place)
        with closing(sqlite3.connect(Path(place) / database.name)) as connection:
            try:
                return connection.execute(query).fetchall()
            except sqlite3.OperationalError:
                return []


def count_statuses(folder: Path, uri: str) -> dict[str, int]:
    """Return how many runs of a sweep have each status, its parent runs included; none if MLflow cannot be opened."""
    try:
        _, runs = _runs(folder, uri)
    except Exception:  # check_mlflow says why
        return {}
    statuses = [run.info.status for stage in runs.values() for run in stage]
    return {status: statuses.count(status) for status in sorted(set(statuses))}


def _runs(folder: Path, uri: str) -> tuple[Any, Runs]:
    """Return a client, and the sweep's runs by stage."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    fingerprint = folder.name.rpartition("-")[2]
    found = client.search_runs(experiments, f"tags.`sweeper.sweep` = '{fingerprint}'", max_results=10_000)
    runs: Runs = {stage: [] for stage in ("sweep", "search", "confirmation", "confirm")}
    for run in found:
        runs[run.data.tags["sweeper.stage"]].append(run)
    return client, runs


def _test_scores(folder: Path) -> dict[int, Test]:
    """Return the test scores in the record by trial. The first score of a trial counts."""
    found: dict[int, Test] = {}
    for operation in read_operations((folder / "record.journal").read_bytes()):
        for name, value in operation.get("user_attr", {}).items() if operation["op_code"] == STUDY_ATTRIBUTE else ():
            if name.startswith("test:"):
                found.setdefault(int(name.partition(":")[2]), value)
    return found


def _number(run: Any) -> int:
    return int(run.data.tags["sweeper.trial"])


def _check_run(client: Any, run: Any, trial: JournalTrial, test: Test | None, parents: list[Any]) -> Iterator[str]:
    outcome = trial.last("outcome")
    ended = "FINISHED" if outcome in ("completed", "stopped_early") else "FAILED"
    if run.info.status != ended:
        yield f"is {run.info.status}, its outcome is {outcome}"
    if run.data.tags.get("sweeper.outcome") != outcome:
        yield f"has the outcome {run.data.tags.get('sweeper.outcome')}, in the record {outcome}"
    if run.data.tags.get("mlflow.parentRunId") not in [parent.info.run_id for parent in parents]:
        yield "has the wrong parent"
    for name in ("source_trial", "seed_index"):
        if int(run.data.tags.get(f"sweeper.{name}", 0)) != (trial.last(name) or 0):
            yield f"{name} {run.data.tags.get(f'sweeper.{name}')}, in the record {trial.last(name)}"
    rows, expected = _rows(client, run), _expected(trial, test)
    duplicates = sorted({row for row, _ in rows if [other for other, _ in rows].count(row) > 1})
    if duplicates:
        yield f"has {len(duplicates)} metrics more than once, the first {duplicates[0]}"
    if dict(rows) != expected:
        differing = sorted(row for row in {*dict(rows), *expected} if dict(rows).get(row) != expected.get(row))
        yield f"has {len(differing)} metrics that differ from the record, the first {differing[0]}"


def _rows(client: Any, run: Any) -> list[tuple[tuple[str, int], str]]:
    """Return every metric row that MLflow has of a run: name and step, and the value as text."""
    names = [name for name in run.data.metrics if not name.startswith("best/")]
    history = [metric for name in names for metric in client.get_metric_history(run.info.run_id, name)]
    return [((metric.key, metric.step), _to_text(metric.value)) for metric in history]


def _expected(trial: JournalTrial, test: Test | None) -> Rows:
    reports = [(step, report["metrics"]) for step, report in reversed(trial.reports)]  # the first commit of a step wins
    tested = [(test["step"], test["metrics"])] if test else []
    return {(name, step): _to_text(value) for step, metrics in reports + tested for name, value in metrics.items()}


def _to_text(value: float) -> str:
    """Return a value as text, so that NaN equals NaN. MLflow stores infinity as the largest number."""
    largest = sys.float_info.max
    return repr(math.copysign(largest, value) if math.isinf(value) else float(value))
