"""Syncs the runs of a queue with MLflow, one after the other, in a thread of its own."""

from sweeper.tracking.client import PARENT
from sweeper.tracking.outage import OutageState, is_transient
from sweeper.tracking.run_registry import RunRegistry
from sweeper.tracking.run_sync import RunSynchronizer
from sweeper.tracking.sync_queue import SyncQueue, SyncRequest
from sweeper.tracking.trial_payload import run_status
from sweeper.trials.run_status import RunStatus

_CLOSING_PAUSE = 1.0  # seconds between requests at most, once the queue is closed


class SyncWorker:
    """Takes requests from a queue. A run that MLflow does not accept goes to the end, so it does not block others."""

    def __init__(self, queue: SyncQueue, runs: RunRegistry, synchronizer: RunSynchronizer, outage: OutageState) -> None:
        self.queue, self.runs, self.synchronizer, self.outage = queue, runs, synchronizer, outage
        self._needs_recheck = False  # MLflow may have carried out a request whose answer was lost

    def run(self) -> None:
        """Sync runs until the queue is closed and empty, or abandoned. Never raises because of MLflow."""
        while (request := self.queue.next_request()) is not None:
            answers = self.runs.answers
            try:
                self._sync(request)
            except Exception as error:
                self._postpone(request, error)
            else:
                must_recheck = self._needs_recheck and self.queue.closing.is_set()
                self.queue.mark_done(request, repeat=request.number == PARENT and must_recheck)
                self.outage.record_success(answered=self.runs.answers > answers)

    def _sync(self, request: SyncRequest) -> None:
        self.outage.begin_request()
        if not self.runs.is_current or self.outage.failures > 1:
            self.runs.refresh()
        if request.record is None:
            self._sync_sweep(request.sweep_status)
            return
        number, artifacts = request.number, self.queue.artifacts
        status = run_status(request.record, request.sweep_status)
        self.synchronizer.sync_trial(request.record, status, artifacts.stored_files_of(number))
        if number in artifacts.models:
            self.synchronizer.sync_model(request.record, artifacts.models[number])
        self.synchronizer.sync_pictures(request.record, artifacts.pictures_of(number))

    def _sync_sweep(self, status: RunStatus) -> None:
        """Sync the sweep's own run. If answers were lost, check all runs once more before the sweep ends."""
        if status != RunStatus.RUNNING and self._needs_recheck and self.queue.is_last():
            self._recheck(status)
        if status == RunStatus.FINISHED:
            self.synchronizer.delete_other_runs(self.queue.records)
        content = self.queue.sweep_content(status)
        self.synchronizer.parents.finish(status, content.at)
        self.synchronizer.parents.sync_sweep(*content)

    def _recheck(self, status: RunStatus) -> None:
        """Read again which runs MLflow has, and request a sync of those that do not match their record."""
        self.runs.refresh()
        self._needs_recheck = self.queue.request_unsynced(
            status, lambda record: self.synchronizer.is_synced(record, run_status(record, status))
        )

    def _postpone(self, request: SyncRequest, error: Exception) -> None:
        """Move a run that failed to the end of the queue, and wait: longer after each failure in a row."""
        if request.number != PARENT or not self.queue.closing.is_set() or not self.runs.is_current:
            self._needs_recheck = True
        self.queue.postpone(request, rejected=not is_transient(error))
        pause = self.outage.record_failure(error, log=not self.queue.abandoned.is_set())
        if self.queue.closing.wait(pause):
            self.queue.abandoned.wait(min(pause, _CLOSING_PAUSE))
