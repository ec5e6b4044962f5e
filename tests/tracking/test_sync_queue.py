"""The queue of runs to sync: changes that follow each other quickly cost one request."""

import time
from dataclasses import replace

from sweeper.tracking.client import PARENT
from sweeper.tracking.sync_queue import SyncQueue
from sweeper.training.config import TrainConfig
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord


def record(reports: int, trial_end: TrialEnd | None = None) -> TrialRecord:
    """Return the record of trial 1 after so many reports."""
    made = tuple(ValidationReport(step, float(step), {"validation/accuracy": 0.5}) for step in range(1, reports + 1))
    times = tuple(range(1, reports + 1))
    return TrialRecord(Trial(1, 0, {}, TrainConfig(encoder="rnn")), made, times, end=trial_end)


def begun_queue(delay: float) -> SyncQueue:
    """Return a queue whose first request, for the sweep's own run, was carried out."""
    queue = SyncQueue(RunStatus.RUNNING, delay)
    first = queue.next_request()
    assert first is not None
    assert first.number == PARENT
    queue.mark_done(first, repeat=False)
    return queue


def test_a_trial_that_starts_and_ends_quickly_is_one_request() -> None:
    queue, start = begun_queue(0.05), time.monotonic()
    for reports in range(4):
        queue.update(record(reports))
    queue.update(record(4, TrialEnd(Outcome.COMPLETED)))
    request = queue.next_request()
    assert request is not None
    assert request.record == record(4, TrialEnd(Outcome.COMPLETED))
    assert time.monotonic() - start >= 0.05
    queue.mark_done(request, repeat=False)
    assert len(queue) == 0


def test_a_clone_that_waits_for_its_start_has_no_run() -> None:
    queue, waiting = begun_queue(0), replace(record(0), trial=replace(record(0).trial, attempt=0))
    queue.update(waiting)
    assert len(queue) == 0
    queue.update(replace(waiting, end=TrialEnd(Outcome.STOPPED_EARLY)))  # a user stopped it before
    assert len(queue) == 1


def test_a_change_during_a_sync_is_a_request_of_its_own() -> None:
    queue = begun_queue(0.01)
    queue.update(record(1))
    request = queue.next_request()
    assert request is not None
    queue.update(record(2))
    queue.mark_done(request, repeat=False)
    again = queue.next_request()
    assert again is not None
    assert again.record == record(2)


def test_a_closed_queue_does_not_wait() -> None:
    queue = begun_queue(3600)
    queue.update(record(1))
    queue.close(RunStatus.KILLED)
    numbers = []
    while (request := queue.next_request()) is not None:
        numbers.append(request.number)
        queue.mark_done(request, repeat=False)
    assert numbers == [1, PARENT]


def test_usage_is_added_to_what_the_run_of_the_sweep_has() -> None:
    queue = begun_queue(0)
    for usage in ({"search/trials": 1.0}, {"search/hours": 2.0}, {"search/trials": 3.0}):
        queue.add_usage(usage)
    assert queue.sweep_content(RunStatus.RUNNING).usage == {"search/trials": 3.0, "search/hours": 2.0}
    assert len(queue) == 1


def test_a_request_for_the_run_of_the_sweep_alone_changes_nothing_of_it() -> None:
    queue = begun_queue(0)
    before = queue.sweep_content(RunStatus.RUNNING)
    queue.request_sweep_sync()
    request = queue.next_request()
    assert request is not None
    assert request.number == PARENT
    assert queue.sweep_content(RunStatus.RUNNING) == before
