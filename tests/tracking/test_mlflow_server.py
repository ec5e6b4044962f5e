"""Confirmed trials, files and a model through a server in trouble: in the end each is there once, and whole."""

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
from tests.support.faulty_proxy import Proxy
from tests.tracking.test_mlflow import recorded, runs
from tests.tracking.test_mlflow_faults import tracker
from tests.tracking.test_mlflow_files import kept
from tests.tracking.test_model_export import answers, assert_same, rows, winner
from tests.tracking.test_model_export import kept as model_kept

pytestmark = pytest.mark.mlflow

DONE = TrialEnd(Outcome.COMPLETED)
FILES = {"predictions/test.parquet": b"PAR1", "confusion.png": b"PNG"}
OWN = {"sweep.yaml": b"dataset: sst5", "results.json": b"{}"}
TEST = trial.TestScore(1_700_000_010_000, 2, {"test/accuracy": 0.4})


def states() -> list[TrialRecord]:
    """A sweep of one trial, confirmed with one seed and tested, as it comes about."""
    found = recorded(1, [0.3, 0.5], DONE)
    again = replace(recorded(2, [0.3, 0.5], DONE), trial=replace(recorded(2, []).trial, source_trial=1, seed_index=1))
    return [found, replace(again, reports=(), report_times=(), end=None), again, replace(again, test=TEST)]


def sent(watching: Any, model: Any = None) -> None:
    """The sweep is told, with its files, and all of it is sent in the end."""
    for state in states():
        watching.update(state)
    watching.attach(2, FILES)
    watching.attach(0, OWN)
    if model is not None:
        watching.attach_model(2, model)
    watching.close(RunStatus.FINISHED, 60)
    assert watching.pending_runs == 0


def assert_whole(backend: int, sweep: str) -> dict[int, Any]:
    uri = f"http://127.0.0.1:{backend}"
    found = runs(uri, sweep)
    assert sorted(found) == [-1, 0, 1, 2]
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert found[2].data.tags["mlflow.parentRunId"] == found[-1].info.run_id
    assert found[-1].data.tags["mlflow.parentRunId"] == found[0].info.run_id
    assert found[2].data.metrics["test/accuracy"] == 0.4
    assert kept(uri, found[2]) == FILES
    assert kept(uri, found[0]) == OWN
    assert sorted(json.loads(found[0].data.tags["sweeper.files"])) == sorted(OWN)
    return found


@pytest.mark.parametrize("fault", [faults.every_fifth, faults.every_third, faults.losing, faults.Late])
def test_a_server_in_trouble_gets_all_of_it_once(fault: Any, proxy: Proxy, backend: int, sweep: str) -> None:
    proxy.fault = fault() if fault is faults.Late else fault
    sent(tracker(proxy.uri, sweep))
    assert_whole(backend, sweep)


def test_a_model_goes_to_a_flaky_server_and_comes_back_whole(
    proxy: Proxy, backend: int, sweep: str, tmp_path: Path
) -> None:
    import mlflow

    config = tiny_training.config()
    data = model_kept(tmp_path, config, rows(False))
    proxy.fault = faults.every_fifth
    sent(tracker(proxy.uri, sweep), winner(tmp_path, config))
    run = assert_whole(backend, sweep)[2]
    uri = f"http://127.0.0.1:{backend}"
    client = mlflow.MlflowClient(tracking_uri=uri)
    (model,) = client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    assert model.status == "READY"
    mlflow.set_tracking_uri(uri)
    try:
        table = mlflow.pyfunc.load_model(f"models:/{model.model_id}").predict(rows(False).texts)
    finally:
        mlflow.set_tracking_uri(None)
    assert_same(table, answers(tmp_path, config, data))
