"""Ray Tune's three extension points, as thin adapters of one TuneBridge.

The searcher provides trials, the scheduler takes events and lost workers, and the callback looks for silent workers.
"""

from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from sweeper.execution.ray_internals import (
    error_text,
    keep_idle_workers,
    leave_trials_out_of_snapshots,
    worker_of,
)
from sweeper.execution.ray_messages import NODE_LOST_TEXTS, OUT_OF_MEMORY_TEXT
from sweeper.execution.shared_job import SharedJob
from sweeper.execution.tune_bridge import TuneBridge
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd

_FINISHED = str(Searcher.FINISHED)
_WORKER_DIED = TrialEnd(Outcome.FAILED, "its worker process died")


class StopTune(BaseException):
    """Raised in a callback to leave Tune's loop at once.

    It is not an Exception: after one, Tune cleans up first, which takes ten seconds, and forever if Ray is dead.
    """


class _Unpickled:
    """An adapter that leaves Tune's snapshots empty.

    Tune pickles its searcher and scheduler (Ray 2.60, tuner.pkl), but the bridge holds locks and open files. Nothing
    reads these snapshots: the record is elsewhere.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Save nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing."""


class BridgeSearcher(_Unpickled, Searcher):  # type: ignore[misc]  # Ray is not typed
    """Tune's source of trials. `job` is the one that the trials from now on share."""

    def __init__(self, bridge: TuneBridge, job: SharedJob) -> None:
        super().__init__()
        self.bridge, self.job = bridge, job

    def suggest(self, trial_id: str) -> Any:
        """Return the trial to start under this name, None to be asked again, or FINISHED.

        Waits while all trials have ended and others may come. Raises StopTune.
        """
        while True:
            trial = self.bridge.next_trial(trial_id)
            is_exhausted = trial is None and self.bridge.is_exhausted
            if self.bridge.must_stop:
                raise StopTune
            if trial is not None:
                return {"trial": trial, "share": self.bridge.room.share_of(trial), "job": self.job}
            if not is_exhausted:
                return None
            if not self.bridge.wait_for_more():
                return _FINISHED

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Take the loss of a worker that was not reported to the scheduler."""
        if error:
            self.bridge.worker_lost(trial_id, _WORKER_DIED)


class BridgeScheduler(_Unpickled, FIFOScheduler):  # type: ignore[misc]
    """Tune's judge of whether a trial continues."""

    def __init__(self, bridge: TuneBridge, idle_workers: int = 0) -> None:
        """Let so many workers wait for further trials."""
        super().__init__()
        self.bridge, self.idle_workers = bridge, idle_workers

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Keep the workers that this trial and the others before it leave, but no states of trials."""
        leave_trials_out_of_snapshots(tune_controller)
        if self.idle_workers:
            keep_idle_workers(tune_controller, trial, self.idle_workers)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Pass on an event of a worker and return the decision about its trial.

        A worker whose process a trial has broken is killed, if it has not ended by itself. Tune notices that; told to
        stop the trial, it would give the worker to the next one.
        """
        event = result["event"]
        continues = self.bridge.handle_event(trial.trial_id, event)
        if isinstance(event, TrialEnd) and event.breaks_process:
            ray.kill(worker_of(trial))
            return str(TrialScheduler.CONTINUE)
        return str(TrialScheduler.CONTINUE if continues else TrialScheduler.STOP)

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        """Return no preference, so that Tune starts waiting trials in their order.

        FIFOScheduler's own method searches all trials, including those that have ended, at every step.
        """

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Take the loss of a worker, and find out its cause."""
        trial_end, infrastructure_fault = _classify_loss(error_text(trial))
        self.bridge.worker_lost(trial.trial_id, trial_end, infrastructure_fault=infrastructure_fault)


class StallMonitor(tune.Callback):  # type: ignore[misc]
    """Stops Tune where it must, and kills the workers of silent trials. Tune calls it at every step."""

    def __init__(self, bridge: TuneBridge) -> None:
        self.bridge = bridge
        self.running: list[Any] = []  # Tune's objects for the running trials; Tune's own list keeps ended ones too
        self.num_known = 0  # length of Tune's list at the last step

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Check once. Tune makes about ten steps a second. Raises StopTune."""
        self.bridge.take_requests()
        if self.bridge.must_stop:
            raise StopTune
        self._update_running(trials)
        stalled = set(self.bridge.find_stalled())
        timeout = f"{self.bridge.job.stall_timeout / 60:g} minutes (stall_minutes)"
        for trial in self.running:
            if trial.trial_id in stalled:
                trial_end = TrialEnd(Outcome.FAILED, f"it gave no sign of life for {timeout}")
                self.bridge.worker_lost(trial.trial_id, trial_end)
                ray.kill(worker_of(trial))

    def _update_running(self, trials: list[Any]) -> None:
        candidates = self.running + trials[self.num_known :]
        self.running = [trial for trial in candidates if trial.trial_id in self.bridge.running]
        self.num_known = len(trials)
        for trial in self.running:
            if trial.status == trial.ERROR:  # Tune reports nothing if the worker of an earlier trial cannot be reused
                self.bridge.requeue(trial.trial_id)
            elif worker_of(trial) is not None:
                self.bridge.worker_assigned(trial.trial_id)


def _classify_loss(error: str) -> tuple[TrialEnd, bool]:
    """Return the end of a trial that loses its worker to this error too often, and True if it is not at fault."""
    if any(text in error for text in NODE_LOST_TEXTS):
        return TrialEnd(Outcome.FAILED, "its node was lost"), True
    if OUT_OF_MEMORY_TEXT in error:
        return TrialEnd(Outcome.OUT_OF_MEMORY, "the machine ran out of memory, and Ray ended the worker"), False
    return _WORKER_DIED, False
