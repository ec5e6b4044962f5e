"""Confirmed trials, files and a model are sent to a faulty server: in the end each is there once and complete."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.trials import trial
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialEnd, TrialRecord
from tests.support import faulty_proxy as faults
from tests.support import tiny_training
from tests.support.faulty_proxy import FaultyProxy
from tests.support.random_models import (
    assert_same,
    export_random_model,
    model_export,
    own_probabilities,
    random_texts,
)
from tests.support.tracked_sweeps import downloaded_files, make_record, runs_by_number, start_tracker

pytestmark = pytest.mark.mlflow

DONE = TrialEnd(Outcome.COMPLETED)
FILES = {"predictions/test.parquet": b"PAR1", "confusion.png": b"PNG"}
OWN = {"sweep.yaml": b"dataset: sst5", "results.json": b"{}"}
TEST = trial.TestScore(1_700_000_010_000, 2, {"test/accuracy": 0.4})


def sweep_records() -> list[TrialRecord]:
    """Return the records, in order, of a sweep of one trial that is confirmed with one seed and tested."""
    found = make_record(1, [0.3, 0.5], DONE)
    again = replace(
        make_record(2, [0.3, 0.5], DONE), trial=replace(make_record(2, []).trial, source_trial=1, seed_index=1)
    )
    return [found, replace(again, reports=(), report_times=(), end=None), again, replace(again, test=TEST)]


def sent(tracker: Any, model: Any = None) -> None:
    """Track the sweep with its files, and check that everything was sent in the end."""
    for record in sweep_records():
        tracker.update(record)
    tracker.attach(2, FILES)
    tracker.attach(0, OWN)
    if model is not None:
        tracker.attach_model(2, model)
    tracker.close(RunStatus.FINISHED, 60)
    assert tracker.pending_runs == 0


def assert_whole(backend: int, sweep: str) -> dict[int, Any]:
    uri = f"http://127.0.0.1:{backend}"
    found = runs_by_number(uri, sweep)
    assert sorted(found) == [-1, 0, 1, 2]
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert found[2].data.tags["mlflow.parentRunId"] == found[-1].info.run_id
    assert found[-1].data.tags["mlflow.parentRunId"] == found[0].info.run_id
    assert found[2].data.metrics["test/accuracy"] == 0.4
    assert downloaded_files(uri, found[2]) == FILES
    assert downloaded_files(uri, found[0]) == OWN
    assert sorted(json.loads(found[0].data.tags["sweeper.files"])) == sorted(OWN)
    return found


@pytest.mark.parametrize(
    "fault", [faults.fail_every_fifth, faults.fail_every_third, faults.lose_answers, faults.LateCreation]
)
def test_a_faulty_server_gets_everything_once(fault: Any, proxy: FaultyProxy, backend: int, sweep: str) -> None:
    proxy.fault = fault() if fault is faults.LateCreation else fault
    sent(start_tracker(proxy.uri, sweep))
    assert_whole(backend, sweep)


def test_a_model_is_complete_after_upload_to_a_flaky_server(
    proxy: FaultyProxy, backend: int, sweep: str, tmp_path: Path
) -> None:
    import mlflow

    config = tiny_training.config()
    data = export_random_model(tmp_path, config, random_texts(False))
    proxy.fault = faults.fail_every_fifth
    sent(start_tracker(proxy.uri, sweep), model_export(tmp_path, config))
    run = assert_whole(backend, sweep)[2]
    uri = f"http://127.0.0.1:{backend}"
    client = mlflow.MlflowClient(tracking_uri=uri)
    (model,) = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    assert model.status == "READY"
    mlflow.set_tracking_uri(uri)
    try:
        table = mlflow.pyfunc.load_model(f"models:/{model.model_id}").predict(random_texts(False).texts)
    finally:
        mlflow.set_tracking_uri(None)
    assert_same(table, own_probabilities(tmp_path, config, data))
