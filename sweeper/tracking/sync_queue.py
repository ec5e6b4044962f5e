"""The runs that are waiting to be synced. The sweep adds them, and a worker thread takes them out."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from sweeper.tracking.artifacts import Content
from sweeper.tracking.client import PARENT
from sweeper.tracking.pending import PendingArtifacts
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:
    from sweeper.tracking.model_export import ModelExport

_MAX_REJECTIONS = 3  # in a row, after which nobody waits for a run
_DELAY = 0.5  # seconds that a request waits for further changes of its run, which then cost no request of their own


class SyncRequest(NamedTuple):
    """One run to sync. `record` is None for the sweep's own run; `sweep_status` is the status of the sweep."""

    number: int
    record: TrialRecord | None
    sweep_status: RunStatus


class SweepContent(NamedTuple):
    """The content of the sweep's own run besides its description; see `ParentRuns.sync_sweep`."""

    files: Mapping[str, Content]
    outdated: list[str]
    usage: Mapping[str, float]
    at: int


class SyncQueue:
    """The newest record of each trial, and the pending requests, one per run, in order of their arrival.

    It keeps no older records: what MLflow has not seen yet is in the journal of the sweep. Methods are thread-safe.
    """

    def __init__(self, status: RunStatus, delay: float = _DELAY) -> None:
        """`delay` is the time in seconds that a request waits, while the queue is open, for changes that follow it."""
        self.records: dict[int, TrialRecord] = {}
        self.artifacts = PendingArtifacts()
        self.pending: dict[int, SyncRequest] = {PARENT: SyncRequest(PARENT, None, status)}
        self.closing, self.abandoned = threading.Event(), threading.Event()
        self._status, self._delay = status, delay
        self._due_at: dict[int, float] = {}  # for each pending request but the first, when it has waited long enough
        self._rejections: Counter[int] = Counter()  # of each run, in a row
        self._changed = threading.Condition()

    def __len__(self) -> int:
        with self._changed:
            return len(self.pending)

    # ---- for the sweep

    def update(self, record: TrialRecord) -> None:
        """Request a sync of a trial's run with its newest record. A clone that waits for its start has no run yet."""
        if not record.trial.attempt and record.end is None:
            return
        with self._changed:
            self.records[record.trial.number] = record
            self._add(record.trial.number)

    def attach(self, number: int, files: Mapping[str, Content]) -> None:
        """Attach files to a run, and request its sync."""
        with self._changed:
            self.artifacts.add(number, files)
            self._add(number)

    def attach_model(self, number: int, model: "ModelExport") -> None:
        """Attach a model to a trial's run, and request its sync."""
        with self._changed:
            self.artifacts.models[number] = model
            self._add(number)

    def add_usage(self, usage: Mapping[str, float]) -> None:
        """Add metrics to the sweep's own run, in place of those of the same names, and request its sync."""
        with self._changed:
            self.artifacts.usage.update(usage)
            self._add(PARENT)

    def request_sweep_sync(self) -> None:
        """Request a sync of the sweep's own run, whose description has changed."""
        with self._changed:
            self._add(PARENT)

    def close(self, status: RunStatus) -> None:
        """Request the final sync: of the trials that have not ended, and last of the sweep's own run."""
        with self._changed:
            self._status = status
            for number, record in self.records.items():
                if record.end is None:
                    self.pending[number] = SyncRequest(number, record, status)
            self.pending.pop(PARENT, None)
            self.closing.set()
            self._add(PARENT)

    def abandon(self) -> None:
        """Leave what is still pending, and let the worker stop after its current request."""
        with self._changed:
            self.abandoned.set()

    def unless_abandoned(self, action: Callable[[], None]) -> None:
        """Do something that must not happen any more once the queue is abandoned."""
        with self._changed:
            if not self.abandoned.is_set():
                action()

    def is_rejected(self) -> bool:
        """Return True if MLflow keeps rejecting every trial's run that is pending, or the sweep's if it is alone."""
        with self._changed:
            numbers = [number for number in self.pending if number != PARENT] or list(self.pending)
            return bool(numbers) and all(self._rejections[number] >= _MAX_REJECTIONS for number in numbers)

    def _add(self, number: int) -> None:
        """Request a sync of a run. It keeps its place if it is pending; a trial without a record has no run yet."""
        if number == PARENT or number in self.records:
            if number not in self.pending:
                self._due_at[number] = time.monotonic() + self._delay
                self._changed.notify_all()
            self.pending[number] = SyncRequest(number, self.records.get(number), self._status)

    # ---- for the worker

    def next_request(self) -> SyncRequest | None:
        """Wait for a request, and return the oldest; None if the queue is closed and empty, or abandoned.

        While the queue is open, a request is returned only after a short delay. A trial that starts, reports and ends
        within it is sent at once.
        """
        with self._changed:
            while not self.closing.is_set() and (seconds := self._seconds_until_due()) != 0:
                self._changed.wait(seconds)
            if not self.pending or self.abandoned.is_set():
                return None
            return next(iter(self.pending.values()))

    def _seconds_until_due(self) -> float | None:
        """Return the seconds until the oldest request is due, 0 if it is; None if there is none."""
        number = next(iter(self.pending), None)
        return None if number is None else max(0.0, self._due_at.get(number, 0.0) - time.monotonic())

    def mark_done(self, request: SyncRequest, *, repeat: bool) -> None:
        """Remove a request. If there is a newer one for the run, or with `repeat`, it goes to the end of the queue."""
        with self._changed:
            newest = self.pending.pop(request.number)
            self._due_at.pop(request.number, None)
            self._rejections.pop(request.number, None)
            if repeat or newest is not request:
                self._due_at[request.number] = time.monotonic() + self._delay
                self.pending[request.number] = newest

    def postpone(self, request: SyncRequest, *, rejected: bool) -> None:
        """Move a run that could not be synced to the end of the queue, and let the sweep's own run follow it."""
        with self._changed:
            self._rejections[request.number] += rejected
            self.pending[request.number] = self.pending.pop(request.number)
            self.pending.setdefault(PARENT, SyncRequest(PARENT, None, self._status))

    def is_last(self) -> bool:
        """Return True if one request is left."""
        with self._changed:
            return len(self.pending) == 1

    def request_unsynced(self, status: RunStatus, is_synced: Callable[[TrialRecord], bool]) -> bool:
        """Request a sync of every trial that `is_synced` denies. Return True if more than one request is pending."""
        with self._changed:
            for number, record in self.records.items():
                if not is_synced(record):
                    self.pending.setdefault(number, SyncRequest(number, record, status))
            return len(self.pending) > 1

    def sweep_content(self, status: RunStatus) -> SweepContent:
        """Return the content of the sweep's own run. Its results are included if it is the last run of a closed queue.

        So if MLflow has the results, it has everything else too.
        """
        with self._changed:
            is_complete = self.closing.is_set() and len(self.pending) == 1
            times = [record.test.at if record.test else record.last_moment for record in self.records.values()]
            return SweepContent(
                self.artifacts.sweep_files(include_results=is_complete),
                self.artifacts.outdated_files(status),
                dict(self.artifacts.usage),
                max(times, default=0),
            )
