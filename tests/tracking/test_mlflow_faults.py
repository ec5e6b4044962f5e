"""Outages of MLflow: the sweep never waits for it, and in the end MLflow has each trial once, as recorded."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from sweeper.trials.run_status import RunStatus
from tests.support import faulty_proxy as faults
from tests.support.faulty_proxy import FaultyProxy
from tests.support.tracked_sweeps import TRIALS, start_tracker, sweep_updates, wait_until

pytestmark = pytest.mark.mlflow


def assert_exact(backend: int, sweep: str) -> None:
    """Check that there is one run per trial with its outcome, each row once, and one parent."""
    from mlflow import MlflowClient

    with pytest.MonkeyPatch.context() as reading:
        reading.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # the server may close an idle connection at this moment
        _assert_exact(MlflowClient(tracking_uri=f"http://127.0.0.1:{backend}"), sweep)


def _assert_exact(client: Any, sweep: str) -> None:
    experiment = client.get_experiment_by_name("sst5")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], f"tags.`sweeper.sweep` = '{sweep.rpartition('-')[2]}'")
    runs = {int(run.data.tags.get("sweeper.trial", "0")): run for run in found}
    assert sorted(int(run.data.tags.get("sweeper.trial", "0")) for run in found) == list(range(TRIALS + 1))
    assert runs[0].info.status == "FINISHED"
    assert runs[0].data.params == {"sampler": "tpe"}
    for record in {record.trial.number: record for record in sweep_updates()}.values():
        run = runs[record.trial.number]
        assert record.end is not None
        assert run.info.status == ("FINISHED" if record.end.outcome.is_healthy else "FAILED")
        assert run.info.end_time == record.ended_at
        assert run.data.tags["sweeper.outcome"] == record.end.outcome
        assert run.data.tags["mlflow.parentRunId"] == runs[0].info.run_id
        assert run.data.params["learning_rate"] == "3e-05"
        for name in record.reports[0].metrics:
            rows = [(m.step, m.timestamp, m.value) for m in client.get_metric_history(run.info.run_id, name)]
            reports = zip(record.reports, record.report_times, strict=True)
            assert sorted(rows) == [(report.step, at, report.metrics[name]) for report, at in reports]


def refused(proxy: FaultyProxy) -> None:
    proxy.close()


def unavailable(proxy: FaultyProxy) -> None:
    proxy.fault = faults.unavailable


@pytest.mark.parametrize(("outage", "before"), [(refused, 0), (unavailable, 0), (refused, 7), (unavailable, 7)])
def test_an_outage_is_shown_once_and_everything_is_sent_when_it_is_over(
    outage: Callable[[FaultyProxy], None], before: int, proxy: FaultyProxy, backend: int, sweep: str
) -> None:
    shown: list[str] = []
    if not before:
        outage(proxy)
    tracker = start_tracker(proxy.uri.replace("//", "//someone:secret@"), sweep, say=shown.append)
    for record in sweep_updates()[:before]:
        tracker.update(record)
    if before:
        wait_until(lambda: tracker.pending_runs == 0)
        outage(proxy)
    for record in sweep_updates()[before:]:
        tracker.update(record)
    wait_until(lambda: bool(shown))
    assert tracker.pending_runs >= TRIALS - 1
    assert len(shown) == 1
    why = "Connection refused" if outage is refused else "answers 503"
    assert shown[0].startswith(f"MLflow at {proxy.uri}: {why}; training goes on")
    proxy.heal()
    tracker.close(RunStatus.FINISHED)
    assert tracker.pending_runs == 0
    assert shown[1:] == ["MLflow is back"]
    assert_exact(backend, sweep)


@pytest.mark.slow
def test_a_server_that_never_answers_does_not_block_the_sweep(
    proxy: FaultyProxy, backend: int, sweep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    proxy.fault = faults.never_answer
    shown: list[str] = []
    tracker = start_tracker(proxy.uri, sweep, say=shown.append)
    wait_until(lambda: bool(proxy.requests))  # a request that is not answered
    for _ in range(200):
        for record in sweep_updates():
            tracker.update(record)
    assert proxy.answered == 0  # all updates have returned nevertheless
    assert len(tracker.queue.records) == TRIALS
    assert len(tracker.queue.pending) == TRIALS + 1  # only the newest record of a trial is kept
    wait_until(lambda: bool(shown))
    assert shown[0].startswith(f"MLflow at {proxy.uri}: no answer; training goes on")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    proxy.heal()
    tracker.close(RunStatus.FINISHED)
    assert tracker.pending_runs == 0
    assert shown[1:] == ["MLflow is back"]
    assert_exact(backend, sweep)


def test_an_interrupted_command_does_not_wait_for_a_server_that_never_answers(proxy: FaultyProxy, sweep: str) -> None:
    proxy.fault = faults.never_answer
    tracker = start_tracker(proxy.uri, sweep)
    tracker.update(sweep_updates()[0])
    wait_until(lambda: bool(proxy.requests))
    tracker.close(RunStatus.KILLED, 0.2)
    assert tracker.pending_runs == 2
    assert tracker.thread.daemon
    assert tracker.thread.is_alive()  # it still waits for an answer that is no longer needed


def test_the_process_ends_while_a_request_is_running(proxy: FaultyProxy, sweep: str) -> None:
    proxy.fault = faults.never_answer
    program = (
        "from sweeper.trials.run_status import RunStatus\n"
        "from tests.support.tracked_sweeps import start_tracker, sweep_updates\n"
        f"tracker = start_tracker({proxy.uri!r}, {sweep!r}, say=print)\n"
        "tracker.update(sweep_updates()[0])\n"
        "tracker.close(RunStatus.KILLED, 0.2)\n"
        "print(tracker.pending_runs)\n"
    )
    patient = {
        **os.environ,
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "3600",
    }  # a process that waited for its answer would not end
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=patient, timeout=300, check=True
    )
    assert (done.stdout, done.stderr) == ("2\n", "")
    assert proxy.requests


def send_all(tracker: Any) -> None:
    """Track a whole sweep, and check that everything was sent in the end."""
    for record in sweep_updates():
        tracker.update(record)
    tracker.close(RunStatus.FINISHED, 30, while_answering=True)
    assert tracker.pending_runs == 0


@pytest.mark.slow
def test_a_slow_server_gets_everything_once(proxy: FaultyProxy, backend: int, sweep: str) -> None:
    proxy.fault = faults.answer_slowly
    tracker = start_tracker(proxy.uri, sweep)
    send_all(tracker)
    assert proxy.count_requests("/runs/create") == TRIALS + 1
    assert proxy.count_requests("/runs/search") == 1
    assert_exact(backend, sweep)


@pytest.mark.parametrize(
    "fault",
    [
        faults.fail_every_fifth,
        *(pytest.param(f, marks=pytest.mark.slow) for f in (faults.fail_every_third, faults.lose_answers)),
    ],
)
def test_a_flaky_server_gets_everything_and_no_outage_is_shown(
    fault: faults.Fault, proxy: FaultyProxy, backend: int, sweep: str
) -> None:
    proxy.fault = fault
    shown: list[str] = []
    tracker = start_tracker(proxy.uri, sweep, say=shown.append)
    send_all(tracker)
    assert shown == []
    assert_exact(backend, sweep)


def test_one_of_two_duplicate_runs_stays_and_is_complete(proxy: FaultyProxy, backend: int, sweep: str) -> None:
    proxy.fault = faults.LateCreation()
    tracker = start_tracker(proxy.uri, sweep)
    send_all(tracker)
    assert proxy.count_requests("/runs/delete") == TRIALS + 1
    assert_exact(backend, sweep)


def test_a_server_that_was_away_for_the_whole_sweep_is_synced_later(
    proxy: FaultyProxy, backend: int, sweep: str
) -> None:
    proxy.close()
    tracker = start_tracker(proxy.uri, sweep)
    for record in sweep_updates():
        tracker.update(record)
    tracker.close(RunStatus.FINISHED, 0.1)
    assert tracker.pending_runs == TRIALS + 1
    proxy.heal()
    later = start_tracker(proxy.uri, sweep, status=RunStatus.FINISHED)
    for record in sweep_updates():
        later.update(record)
    later.close(RunStatus.FINISHED, 30, while_answering=True)
    assert later.pending_runs == 0
    assert_exact(backend, sweep)
