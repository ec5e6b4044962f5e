"""A sync puts right what a damaged store lost or altered of a trial's run, and reports no such run as up to date."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sweeper.app import mlflow_sync
from sweeper.errors import SweeperError, UsageError
from sweeper.terminal.output import PlainOutput
from sweeper.tracking.outage import describe_error
from sweeper.tracking.store_check import check_store
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialEnd
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.tracked_sweeps import make_record, metric_history, runs_by_number, start_tracker

pytestmark = pytest.mark.mlflow

SCORES = [0.3, 0.5]


def sync(uri: str, sweep: str) -> int:
    """Sync two completed trials as `sweeper sync` does, and return the number of runs that MLflow is missing."""
    tracker = start_tracker(uri, sweep)
    for number in (1, 2):
        tracker.update(make_record(number, SCORES, TrialEnd(Outcome.COMPLETED)))
    tracker.close(RunStatus.FINISHED, 60)
    return int(tracker.pending_runs)


def alter(uri: str, sweep: str, *statements: str) -> str:
    """Change the tables for the run of trial 1, which each statement names RUN, and return its id."""
    run = str(runs_by_number(uri, sweep)[1].info.run_id)
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as database, database:
        for statement in statements:
            assert database.execute(statement.replace("RUN", f"run_uuid = '{run}'")).rowcount > 0
    return run


def test_lost_metrics_are_sent_again_to_the_same_run(uri: str, sweep: str) -> None:
    sync(uri, sweep)
    run = alter(uri, sweep, "DELETE FROM metrics WHERE RUN", "DELETE FROM latest_metrics WHERE RUN")
    assert sync(uri, sweep) == 0
    found = runs_by_number(uri, sweep)
    assert found[1].info.run_id == run
    assert metric_history(uri, found[1], "validation/accuracy") == [(1, 0.3), (2, 0.5)]
    assert found[1].data.metrics == found[2].data.metrics


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE metrics SET value = 0.9 WHERE RUN", "UPDATE latest_metrics SET value = 0.9 WHERE RUN"),
        ("UPDATE metrics SET is_nan = 1 WHERE RUN", "UPDATE latest_metrics SET is_nan = 1 WHERE RUN"),
        ("UPDATE params SET value = '9' WHERE RUN AND key = 'learning_rate'",),
        ("DELETE FROM tags WHERE RUN AND key = 'sweeper.trial'",),
        ("UPDATE tags SET value = 'x' WHERE RUN AND key = 'sweeper.trial'",),
        ("UPDATE tags SET value = 'x' WHERE RUN AND key = 'sweeper.created'",),
        ("UPDATE runs SET artifact_uri = NULL WHERE RUN",),
    ],
    ids=["metrics", "not a number", "a parameter", "no number", "no decimal number", "the time of creation", "files"],
)
def test_a_run_with_altered_values_is_created_again(uri: str, sweep: str, statements: tuple[str, ...]) -> None:
    sync(uri, sweep)
    altered = alter(uri, sweep, *statements)
    assert sync(uri, sweep) == 0
    found = {run.info.run_id: run for run in _runs(uri, sweep)}
    new = next(run for id, run in found.items() if id != altered and run.data.tags.get("sweeper.trial") == "1")
    assert metric_history(uri, new, "validation/accuracy") == [(1, 0.3), (2, 0.5)]
    assert new.data.params["learning_rate"] == "3e-05"


def test_a_run_that_matches_its_record_is_left_as_it_is(uri: str, sweep: str) -> None:
    sync(uri, sweep)
    before = {number: run.info.run_id for number, run in runs_by_number(uri, sweep).items()}
    assert sync(uri, sweep) == 0
    assert {number: run.info.run_id for number, run in runs_by_number(uri, sweep).items()} == before


def test_a_database_that_no_sync_can_mend_can_be_moved_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = RecordedSweep(tmp_path / "sweeps").search([Outcome.COMPLETED]).folder
    mlflow_sync.sync(PlainOutput(), folder)
    database = folder.path.parent / "mlflow.db"
    with closing(sqlite3.connect(database)) as altered, altered:
        altered.execute("UPDATE params SET value = 'another' WHERE key = 'objective'")  # of the sweep's own run
    with pytest.raises(SweeperError, match=f"put that right, or move {database} away, and send this"):
        mlflow_sync.sync(PlainOutput(), folder, 0.5)


def test_a_run_without_a_status_is_one_line_whose_command_mends_it(uri: str, sweep: str) -> None:
    sync(uri, sweep)
    run = alter(uri, sweep, "UPDATE runs SET status = NULL WHERE RUN")
    with pytest.raises(UsageError, match=f": run {run} has no status, .*; give it one, .*: sqlite3 ") as refusal:
        check_store(uri)
    remedy = re.search(r'"(UPDATE .*)"$', str(refusal.value))
    assert remedy
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as database, database:
        database.execute(remedy[1])
    assert check_store(uri) == ""
    assert sync(uri, sweep) == 0
    assert runs_by_number(uri, sweep)[1].info.status == "FINISHED"


def test_an_error_of_the_database_is_told_without_the_advice_to_programmers() -> None:
    error = ValueError(
        "(raised as a result of Query-invoked autoflush; consider using a session.no_autoflush block if this flush is "
        "occurring prematurely)\n(sqlite3.IntegrityError) datatype mismatch\n[SQL: INSERT]"
    )
    assert describe_error(error) == "(sqlite3.IntegrityError) datatype mismatch"


def _runs(uri: str, sweep: str) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("sst5")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], f"tags.`sweeper.sweep` = '{sweep.rpartition('-')[2]}'"))
