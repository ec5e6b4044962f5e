"""MLflow in trouble: the sweep never waits for it, and in the end it has each trial once, with the record's figures."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialEnd, TrialRecord
from tests.support import faulty_proxy as faults
from tests.support.faulty_proxy import Proxy
from tests.tracking.test_mlflow import recorded, until

pytestmark = pytest.mark.mlflow

TRIALS = 4
ENDS = [TrialEnd(Outcome.COMPLETED), TrialEnd(Outcome.STOPPED_EARLY, "below"), TrialEnd(Outcome.DIVERGED, "not finite")]


def tracker(uri: str, sweep: str, **more: Any) -> Any:
    from sweeper.tracking.sweep_description import SweepDescription
    from sweeper.tracking.tracker import MlflowTracker

    return MlflowTracker(
        uri, sweep=sweep, dataset="sst5", description=SweepDescription({"sampler": "tpe"}), artifacts=None, **more
    )


def course(trials: int = TRIALS) -> list[TrialRecord]:
    """What a sweep tells: each trial as it starts, after each of its reports, and at its end."""
    told = []
    for number in range(1, trials + 1):
        scores = [0.1 * number + 0.01 * step for step in range(3)]
        told += [recorded(number, scores[:k]) for k in range(len(scores) + 1)]
        told.append(recorded(number, scores, ENDS[number % len(ENDS)]))
    return told


def assert_exact(backend: int, sweep: str) -> None:
    """One run per trial with its outcome and each row once, under one parent."""
    from mlflow import MlflowClient

    with pytest.MonkeyPatch.context() as reading:
        reading.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # the server may close an idle connection just now
        _assert_exact(MlflowClient(tracking_uri=f"http://127.0.0.1:{backend}"), sweep)


def _assert_exact(client: Any, sweep: str) -> None:
    experiment = client.get_experiment_by_name("sst5")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], f"tags.`sweeper.sweep` = '{sweep.rpartition('-')[2]}'")
    runs = {int(run.data.tags.get("sweeper.trial", "0")): run for run in found}
    assert sorted(int(run.data.tags.get("sweeper.trial", "0")) for run in found) == list(range(TRIALS + 1))
    assert runs[0].info.status == "FINISHED"
    assert runs[0].data.params == {"sampler": "tpe"}
    for state in {one.trial.number: one for one in course()}.values():
        run = runs[state.trial.number]
        assert state.end is not None
        assert run.info.status == ("FINISHED" if state.end.outcome.is_healthy else "FAILED")
        assert run.info.end_time == state.ended_at
        assert run.data.tags["sweeper.outcome"] == state.end.outcome
        assert run.data.tags["mlflow.parentRunId"] == runs[0].info.run_id
        assert run.data.params["learning_rate"] == "3e-05"
        for name in state.reports[0].metrics:
            rows = [(m.step, m.timestamp, m.value) for m in client.get_metric_history(run.info.run_id, name)]
            told = zip(state.reports, state.report_times, strict=True)
            assert sorted(rows) == [(report.step, at, report.metrics[name]) for report, at in told]


def refused(proxy: Proxy) -> None:
    proxy.close()


def unavailable(proxy: Proxy) -> None:
    proxy.fault = faults.unavailable


@pytest.mark.parametrize(("outage", "before"), [(refused, 0), (unavailable, 0), (refused, 7), (unavailable, 7)])
def test_an_outage_is_told_once_and_all_is_sent_when_it_is_over(
    outage: Callable[[Proxy], None], before: int, proxy: Proxy, backend: int, sweep: str
) -> None:
    said: list[str] = []
    if not before:
        outage(proxy)
    watching = tracker(proxy.uri.replace("//", "//someone:secret@"), sweep, say=said.append)
    for state in course()[:before]:
        watching.update(state)
    if before:
        until(lambda: watching.pending_runs == 0)
        outage(proxy)
    for state in course()[before:]:
        watching.update(state)
    until(lambda: bool(said))
    assert watching.pending_runs >= TRIALS - 1
    assert len(said) == 1
    why = "Connection refused" if outage is refused else "answers 503"
    assert said[0].startswith(f"MLflow at {proxy.uri}: {why}; training goes on")
    proxy.heal()
    watching.close(RunStatus.FINISHED)
    assert watching.pending_runs == 0
    assert said[1:] == ["MLflow is back"]
    assert_exact(backend, sweep)


@pytest.mark.slow
def test_a_server_that_never_answers_holds_nobody_up(
    proxy: Proxy, backend: int, sweep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    proxy.fault = faults.mute
    said: list[str] = []
    watching = tracker(proxy.uri, sweep, say=said.append)
    until(lambda: bool(proxy.requests))  # one that is not answered
    for _ in range(200):
        for state in course():
            watching.update(state)
    assert proxy.answered == 0  # all updates returned meanwhile
    assert len(watching.queue.records) == TRIALS
    assert len(watching.queue.pending) == TRIALS + 1  # the record is the buffer
    until(lambda: bool(said))
    assert said[0].startswith(f"MLflow at {proxy.uri}: no answer; training goes on")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    proxy.heal()
    watching.close(RunStatus.FINISHED)
    assert watching.pending_runs == 0
    assert said[1:] == ["MLflow is back"]
    assert_exact(backend, sweep)


def test_an_interrupted_command_does_not_wait_for_a_server_that_never_answers(proxy: Proxy, sweep: str) -> None:
    proxy.fault = faults.mute
    watching = tracker(proxy.uri, sweep)
    watching.update(course()[0])
    until(lambda: bool(proxy.requests))
    watching.close(RunStatus.KILLED, 0.2)
    assert watching.pending_runs == 2
    assert watching.thread.daemon
    assert watching.thread.is_alive()  # still waiting for an answer that nobody needs any more


def test_the_process_ends_although_a_request_is_under_way(proxy: Proxy, sweep: str) -> None:
    proxy.fault = faults.mute
    program = (
        "from sweeper.trials.run_status import RunStatus\n"
        "from tests.tracking.test_mlflow_faults import course, tracker\n"
        f"watching = tracker({proxy.uri!r}, {sweep!r}, say=print)\n"
        "watching.update(course()[0])\n"
        "watching.close(RunStatus.KILLED, 0.2)\n"
        "print(watching.pending_runs)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=25, check=True)
    assert (done.stdout, done.stderr) == ("2\n", "")


def send_all(watching: Any) -> None:
    """A whole sweep is told, and all of it is sent in the end."""
    for state in course():
        watching.update(state)
    watching.close(RunStatus.FINISHED, 30, while_answering=True)
    assert watching.pending_runs == 0


@pytest.mark.slow
def test_a_slow_server_gets_each_thing_once(proxy: Proxy, backend: int, sweep: str) -> None:
    proxy.fault = faults.slow
    watching = tracker(proxy.uri, sweep)
    send_all(watching)
    assert proxy.count("/runs/create") == TRIALS + 1
    assert proxy.count("/runs/search") == 1
    assert_exact(backend, sweep)


@pytest.mark.parametrize(
    "fault",
    [faults.every_fifth, *(pytest.param(f, marks=pytest.mark.slow) for f in (faults.every_third, faults.losing))],
)
def test_a_flaky_server_gets_everything_and_is_not_told(
    fault: faults.Fault, proxy: Proxy, backend: int, sweep: str
) -> None:
    proxy.fault = fault
    said: list[str] = []
    watching = tracker(proxy.uri, sweep, say=said.append)
    send_all(watching)
    assert said == []
    assert_exact(backend, sweep)


def test_of_runs_that_were_made_twice_one_stays_and_is_whole(proxy: Proxy, backend: int, sweep: str) -> None:
    proxy.fault = faults.Late()
    watching = tracker(proxy.uri, sweep)
    send_all(watching)
    assert proxy.count("/runs/delete") == TRIALS + 1
    assert_exact(backend, sweep)


def test_a_server_that_was_gone_for_the_whole_sweep_gets_it_later(proxy: Proxy, backend: int, sweep: str) -> None:
    proxy.close()
    watching = tracker(proxy.uri, sweep)
    for state in course():
        watching.update(state)
    watching.close(RunStatus.FINISHED, 0.1)
    assert watching.pending_runs == TRIALS + 1
    proxy.heal()
    later = tracker(proxy.uri, sweep, status=RunStatus.FINISHED)
    for state in course():
        later.update(state)
    later.close(RunStatus.FINISHED, 30, while_answering=True)
    assert later.pending_runs == 0
    assert_exact(backend, sweep)
