"""What MLflow shows of a sweep beside what the record has: statement 5, checked from the outside."""

import math
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.record_invariants import JournalTrial, numbered_trials, read_operations, trials_of

Rows = dict[tuple[str, int], str]
Runs = dict[str, list[Any]]
Test = dict[str, Any]  # when, at which step, and the metrics

STUDY_ATTRIBUTE = 2  # Optuna's JournalOperation


def of_mlflow(folder: Path, uri: str) -> list[str]:
    """What MLflow has otherwise than the record of a finished sweep."""
    try:
        client, runs = _runs(folder, uri)
    except Exception as error:  # whatever MLflow raises: its store is not what it can read
        return [f"MLflow: cannot be opened: {str(error).partition(chr(10))[0]}"]
    trials, tests = dict(numbered_trials(trials_of(folder))), _tests(folder)
    confirmed = any(told.last("source_trial") for told in trials.values())
    found = [*_above("sweep", runs, 1), *_above("confirmation", runs, int(confirmed))]
    children = [run for stage in ("search", "confirm") for run in runs[stage]]
    numbers = sorted(_number(run) for run in children)
    if numbers != sorted(trials):
        found.append(f"MLflow: has runs of the trials {numbers}, the record {sorted(trials)}")
    for run in children:
        if _number(run) in trials:
            parents = runs["confirmation" if trials[_number(run)].last("source_trial") else "sweep"]
            lines = _of_run(client, run, trials[_number(run)], tests.get(_number(run)), parents)
            found += [f"MLflow, trial {_number(run)}: {line}" for line in lines]
    return found


def _above(stage: str, runs: Runs, expected: int) -> Iterator[str]:
    """What is wrong with the runs above those of trials."""
    if len(runs[stage]) != expected:
        yield f"MLflow: {len(runs[stage])} runs of the stage {stage}, not {expected}"
    for run in runs[stage]:
        if run.info.status != "FINISHED":
            yield f"MLflow: the run of the stage {stage} is {run.info.status}"
        above = [other.info.run_id for other in runs["sweep"]] if stage != "sweep" else [None]
        if run.data.tags.get("mlflow.parentRunId") not in above:
            yield f"MLflow: the run of the stage {stage} is no child of the sweep's"


def ahead(folder: Path, database: Path) -> list[str]:
    """What MLflow's file has and the record does not: the record comes first, after a kill as well.

    A copy of the file is read, and not through MLflow, which would put right what the kill left half made.
    """
    trials, tests = dict(numbered_trials(trials_of(folder))), _tests(folder)
    found = []
    for number, name, step in _sent(database):
        if (name, step) not in _expected(trials.get(number, JournalTrial("")), tests.get(number)):
            found.append(f"MLflow, trial {number}: {name} at step {step} is not in the record")
    return found


def _sent(database: Path) -> list[tuple[int, str, int]]:
    """Trial, name and step of every metric in an MLflow database; none where its tables are not there yet."""
    query = """select cast(tags.value as int), metrics.key, metrics.step from metrics
        join tags on tags.run_uuid = metrics.run_uuid and tags.key = 'sweeper.trial'"""
    with tempfile.TemporaryDirectory() as place:
        for path in database.parent.glob(f"{database.name}*"):  # with the journal of a transaction cut off
            shutil.copy(path, place)
        with closing(sqlite3.connect(Path(place) / database.name)) as connection:
            try:
                return connection.execute(query).fetchall()
            except sqlite3.OperationalError:
                return []


def status_counts(folder: Path, uri: str) -> dict[str, int]:
    """How many runs of a sweep MLflow has in each status, its own runs too; none where it cannot be opened."""
    try:
        _, runs = _runs(folder, uri)
    except Exception:  # of_mlflow says why
        return {}
    statuses = [run.info.status for stage in runs.values() for run in stage]
    return {status: statuses.count(status) for status in sorted(set(statuses))}


def _runs(folder: Path, uri: str) -> tuple[Any, Runs]:
    """A client, and the sweep's runs by their stage."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    fingerprint = folder.name.rpartition("-")[2]
    found = client.search_runs(experiments, f"tags.`sweeper.sweep` = '{fingerprint}'", max_results=10_000)
    runs: Runs = {stage: [] for stage in ("sweep", "search", "confirmation", "confirm")}
    for run in found:
        runs[run.data.tags["sweeper.stage"]].append(run)
    return client, runs


def _tests(folder: Path) -> dict[int, Test]:
    """What the record has of the test split, by trial: the first score counts."""
    found: dict[int, Test] = {}
    for operation in read_operations((folder / "record.journal").read_bytes()):
        for name, value in operation.get("user_attr", {}).items() if operation["op_code"] == STUDY_ATTRIBUTE else ():
            if name.startswith("test:"):
                found.setdefault(int(name.partition(":")[2]), value)
    return found


def _number(run: Any) -> int:
    return int(run.data.tags["sweeper.trial"])


def _of_run(client: Any, run: Any, told: JournalTrial, test: Test | None, parents: list[Any]) -> Iterator[str]:
    outcome = told.last("outcome")
    ended = "FINISHED" if outcome in ("completed", "stopped_early") else "FAILED"
    if run.info.status != ended:
        yield f"is {run.info.status}, its outcome is {outcome}"
    if run.data.tags.get("sweeper.outcome") != outcome:
        yield f"has the outcome {run.data.tags.get('sweeper.outcome')}, in the record {outcome}"
    if run.data.tags.get("mlflow.parentRunId") not in [parent.info.run_id for parent in parents]:
        yield "is no child of the run above it"
    for tag, attribute in (("source_trial", "source_trial"), ("seed_index", "seed_index")):
        if int(run.data.tags.get(f"sweeper.{tag}", 0)) != (told.last(attribute) or 0):
            yield f"{tag} {run.data.tags.get(f'sweeper.{tag}')}, in the record {told.last(attribute)}"
    rows, expected = _rows(client, run), _expected(told, test)
    twice = sorted({row for row, _ in rows if [other for other, _ in rows].count(row) > 1})
    if twice:
        yield f"has {len(twice)} metrics more than once, the first {twice[0]}"
    if dict(rows) != expected:
        differing = sorted(row for row in {*dict(rows), *expected} if dict(rows).get(row) != expected.get(row))
        yield f"has {len(differing)} metrics otherwise than the record, the first {differing[0]}"


def _rows(client: Any, run: Any) -> list[tuple[tuple[str, int], str]]:
    """Every row of metrics that MLflow has of a run: name and step, and the value as text."""
    names = run.data.metrics
    history = [metric for name in names for metric in client.get_metric_history(run.info.run_id, name)]
    return [((metric.key, metric.step), _shown(metric.value)) for metric in history]


def _expected(told: JournalTrial, test: Test | None) -> Rows:
    reports = [(step, report["metrics"]) for step, report in reversed(told.reports)]  # the first commit of a step wins
    tested = [(test["step"], test["metrics"])] if test else []
    return {(name, step): _shown(value) for step, metrics in reports + tested for name, value in metrics.items()}


def _shown(value: float) -> str:
    """A value as text, so that NaN equals NaN; MLflow keeps infinity as the largest number."""
    largest = sys.float_info.max
    return repr(math.copysign(largest, value) if math.isinf(value) else float(value))
