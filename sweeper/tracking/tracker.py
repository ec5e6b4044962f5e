"""A Tracker that shows the sweep in MLflow, without ever making the sweep wait for it.

The tracker keeps the newest record of each trial, and a thread syncs MLflow with them. Errors of MLflow are logged,
shown once, and never raised.
"""

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sweeper.tracking.artifacts import Content
from sweeper.tracking.outage import OutageState, redact_uri
from sweeper.tracking.run_registry import RunRegistry
from sweeper.tracking.run_sync import RunSynchronizer
from sweeper.tracking.sweep_description import SweepDescription
from sweeper.tracking.sync_queue import SyncQueue
from sweeper.tracking.sync_worker import SyncWorker
from sweeper.tracking.tracked_sweep import TrackedSweep
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:
    from sweeper.tracking.model_export import ModelExport

_PATIENCE = 30.0  # seconds that `close` waits for MLflow
_INTERRUPTED_PATIENCE = 5.0  # the same when the user waits for the command to end


class MlflowTracker:
    """The interface Tracker over MLflow. `status` is the sweep's when the tracker starts: RUNNING if it runs."""

    def __init__(
        self,
        uri: str,
        sweep: TrackedSweep,
        description: SweepDescription,
        *,
        artifacts: str | None,
        say: Callable[[str], None] = lambda _: None,
        status: RunStatus = RunStatus.RUNNING,
        is_outage_known: bool = False,
    ) -> None:
        """Start the thread. `artifacts` is where a new experiment keeps its files, None to let a server decide.

        `say` shows a line, from our thread. With `is_outage_known`, the user was told already that MLflow does not
        answer.
        """
        self.uri, self.say = redact_uri(uri), say
        self.outage = OutageState(self.uri, self._show, is_known=is_outage_known)
        self.queue = SyncQueue(status)
        self.runs = RunRegistry(uri, sweep, artifacts, self.outage.record_answer)
        self.synchronizer = RunSynchronizer(self.runs, description)
        worker = SyncWorker(self.queue, self.runs, self.synchronizer, self.outage)
        self.thread = threading.Thread(target=worker.run, name="mlflow", daemon=True)
        self.thread.start()

    def update(self, record: TrialRecord) -> None:
        """Take the newest record of a trial. Never waits for MLflow."""
        self.queue.update(record)

    def attach(self, number: int, files: Mapping[str, Content]) -> None:
        """Attach files to the run of a trial, or to the sweep's own (PARENT), by their path among its artifacts.

        results.json of the sweep is uploaded last: if MLflow has it, it has everything else too.
        """
        self.queue.attach(number, files)

    def attach_model(self, number: int, model: "ModelExport") -> None:
        """Attach the model of a trial to its run, as a logged model of MLflow."""
        self.queue.attach_model(number, model)

    def add_usage(self, usage: Mapping[str, float]) -> None:
        """Log what the whole sweep used so far as metrics of its own run, beside those that it has."""
        self.queue.add_usage(usage)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags to the sweep's own run, or replace them."""
        self.synchronizer.parents.add_tags(tags)
        self.queue.request_sweep_sync()

    def set_winner(self, number: int) -> None:
        """Let the run of a trial stand out: its setting is the sweep's winner."""
        self.synchronizer.parents.winner = number
        self.queue.request_sweep_sync()

    def model_uri(self, number: int) -> str | None:
        """Return the address under which MLflow loads the model of a trial; None if it does not have the model yet."""
        from sweeper.tracking.logged_models import URI_TAG

        run = self.runs.by_number.get(number)
        return run.tags.get(URI_TAG) if run is not None else None

    @property
    def pending_runs(self) -> int:
        """Number of runs that MLflow does not have as recorded, as far as known."""
        return len(self.queue)

    @property
    def skipped_files(self) -> dict[str, str]:
        """The files that MLflow does not have because they could not be made or sent, by name, with the reason."""
        return dict(self.synchronizer.uploader.skipped)

    def close(self, status: RunStatus, patience: float | None = None, *, while_answering: bool = False) -> None:
        """Send what is left, and give the runs their final status.

        Waits `patience` seconds for MLflow; the default depends on the status. With `while_answering`, or if the sweep
        is FINISHED, it waits on as long as MLflow answers something within each such period: there may be large files.
        """
        self.queue.close(status)
        is_finished = status == RunStatus.FINISHED
        if patience is None:
            patience = _PATIENCE if is_finished else _INTERRUPTED_PATIENCE
        try:
            self._wait(patience, while_answering or is_finished)
        finally:
            self.queue.abandon()

    def _wait(self, patience: float, while_answering: bool) -> None:
        answers = -1
        while self.thread.is_alive() and answers != self.runs.answers and not self.queue.is_rejected():
            answers = self.runs.answers
            self.thread.join(patience)
            if not while_answering:
                return

    def _show(self, line: str) -> None:
        """Show a line to the user, unless the command has closed the tracker, and with it the screen."""
        self.queue.unless_abandoned(lambda: self.say(line))
