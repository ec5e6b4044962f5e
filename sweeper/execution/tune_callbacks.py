"""Ray Tune's three extension points as thin adapters over one Bridge: what to try, when to stop, who is silent.

Tune pickles its searcher and scheduler for snapshots of its own, which sweeper has no use for: the record is elsewhere.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from sweeper.execution.tune_bridge import TuneBridge
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd

_FINISHED = str(Searcher.FINISHED)


class StopTune(BaseException):
    """Leaves Tune's loop at once.

    Not an Exception: for one, Tune would tidy up first, which takes ten seconds, and for ever where Ray is dead.
    """


class _Adapter:
    bridge: TuneBridge

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


class BridgeSearcher(_Adapter, Searcher):  # type: ignore[misc]  # Ray is not typed
    """Tune asks it for trials."""

    def __init__(self, bridge: TuneBridge) -> None:
        super().__init__()
        self.bridge = bridge

    def suggest(self, trial_id: str) -> Any:
        """The trial to start under this name."""
        found = self.bridge.next_trial(trial_id)
        if found is not None:
            return {"trial": found}
        return _FINISHED if self.bridge.is_exhausted else None

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Take note of a worker that is lost."""
        if error:  # and the scheduler was not told why
            self.bridge.worker_lost(trial_id, TrialEnd(Outcome.FAILED, "its worker process died"))


class BridgeScheduler(_Adapter, FIFOScheduler):  # type: ignore[misc]
    """Tune asks it whether a trial goes on."""

    def __init__(self, bridge: TuneBridge) -> None:
        super().__init__()
        self.bridge = bridge

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Pass on what a worker says, and whether it goes on."""
        goes_on = self.bridge.event(trial.trial_id, result["event"])
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        """No preference: Tune starts all that wait, in their order. FIFOScheduler would walk over all that ended."""

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Take note of a worker that is lost, and why."""
        finish, infrastructure_fault = _why(_told(trial))
        self.bridge.worker_lost(trial.trial_id, finish, infrastructure_fault=infrastructure_fault)


class StallMonitor(tune.Callback):  # type: ignore[misc]
    """Looks after each step of Tune's: leaves where `reason` gives one, and ends the workers of silent trials."""

    def __init__(self, bridge: TuneBridge, reason: Callable[[], object]) -> None:
        self.bridge, self.reason = bridge, reason
        self.running: list[Any] = []  # Tune's trials; its own list has those that ended too
        self.seen = 0  # of that list
        self.patient = f"it gave no sign of life for {bridge.job.stall_timeout / 60:g} minutes (stall_minutes)"

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Look once, about ten times a second."""
        if self.bridge.error or self.reason():
            raise StopTune
        known = self.running + trials[self.seen :]
        self.running = [trial for trial in known if trial.trial_id in self.bridge.running]
        self.seen = len(trials)
        for trial in self.running:
            if trial.status == trial.ERROR:  # Tune tells nobody where a worker cannot be used again
                self.bridge.requeue(trial.trial_id)
            elif trial.temporary_state.ray_actor is not None:
                self.bridge.worker_assigned(trial.trial_id)
        silent = set(self.bridge.stalled())
        for trial in self.running:
            if trial.trial_id in silent:
                self.bridge.worker_lost(trial.trial_id, TrialEnd(Outcome.FAILED, self.patient))
                ray.kill(trial.temporary_state.ray_actor)


def _told(trial: Any) -> str:
    """Why a trial of Tune's has just failed, as Tune has written it down.

    Its `get_pickled_error` looks where that will be later, and never has an OutOfMemoryError.
    """
    path: str | None = trial.error_file
    return Path(path).read_text(encoding="utf-8", errors="replace") if path else ""


def _why(text: str) -> tuple[TrialEnd, bool]:
    """How a trial ends whose worker is lost to this again and again, and whether that was no fault of the trial's."""
    if "its node has died" in text or " is unavailable: " in text:  # ActorDiedError, ActorUnavailableError
        return TrialEnd(Outcome.FAILED, "its node was lost"), True
    if "running low on memory" in text:  # OutOfMemoryError
        return TrialEnd(Outcome.OUT_OF_MEMORY, "the machine ran out of memory, and Ray ended the worker"), False
    return TrialEnd(Outcome.FAILED, "its worker process died"), False
