"""What a tuner's callbacks share: the trials that run now, by the tuner's names for them, and who was heard when.

Whatever is raised on our side of a callback would come out of the tuner as something else, or not at all. It is kept
here instead, ends the run, and is raised by the runner as it was.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from sweeper.execution.attempt import Event
from sweeper.storage.trial_files import delete_trial_files
from sweeper.training.types import Heartbeat, ValidationReport
from sweeper.trials.interfaces import TrainingJob, TrialSource
from sweeper.trials.trial import Trial, TrialEnd

Returned = TypeVar("Returned")

_BEGIN = 60.0  # seconds, at least, that a worker has for its first word: it imports torch before
_NAP = 2.0  # seconds between two looks that count at most


class TuneBridge:
    """Trials of a job as a tuner runs them, `slots()` at a time.

    Time counts only while somebody looks: a driver that was suspended does not take every trial for dead.
    """

    def __init__(
        self,
        trials: TrialSource,
        job: TrainingJob,
        slots: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.trials, self.job, self.slots, self.clock = trials, job, slots, clock
        self.running: dict[str, Trial] = {}
        self.heard: dict[str, float] = {}  # names that have a worker: when they were last heard
        self.begun: set[str] = set()  # names that were heard at all
        self.again: deque[Trial] = deque()
        self.error: BaseException | None = None
        self._looked, self._now = clock(), 0.0
        self._passing, self._closed = threading.RLock(), False

    def close(self) -> list[Trial]:
        """Let nothing through any more: a tuner that was left behind may wake up. The trials that have not ended.

        Waits for what is under way.
        """
        with self._passing:
            self._closed = True
        return [*self.running.values(), *self.again]

    def next_trial(self, name: str) -> Trial | None:
        """The trial that shall run under this name; None where there is none now, or (see `over`) any more."""
        slots = self.slots()  # asks the cluster, which may never answer: `close` shall not wait for that
        with self._passing:
            if len(self.running) >= slots or self.error or self._closed:
                return None
            trial = self.again.popleft() if self.again else self._guarded(self.trials.next_trial)
            if trial is not None:
                self.running[name] = trial
            return trial

    @property
    def is_exhausted(self) -> bool:
        """Whether no trial will come any more."""
        exhausted = not self.again and bool(self._guarded(self.trials.is_exhausted))
        return exhausted or self.error is not None

    def event(self, name: str, event: Event) -> bool:
        """Pass an event of a trial on; False where the trial shall stop, or has ended, or is not known here."""
        with self._passing:
            trial = self.running.get(name)
            if trial is None or self._closed:
                return False
            self.heard[name] = self._now
            self.begun.add(name)
            goes_on = self._guarded(lambda: self._passed(trial, event))
            if not goes_on:
                self._drop(name)
                if self.error is None:  # otherwise its end may not be in the record, and it goes on from its checkpoint
                    delete_trial_files(self.job.folder, trial, storage=self.job.storage)
            return bool(goes_on)

    def _passed(self, trial: Trial, event: Event) -> bool:
        if isinstance(event, ValidationReport):
            return self.trials.report(trial, event)
        if isinstance(event, Heartbeat):
            if event.note:
                self.trials.notify(trial, event.note)
            return True
        self.trials.trial_ended(trial, event)
        return False

    def worker_lost(self, name: str, trial_end: TrialEnd, *, infrastructure_fault: bool = False) -> None:
        """The worker of a trial is gone; `trial_end` is how the trial ends if it was lost too often.

        A trial that was never heard had no part in it: where a node dies, a tuner may give it another for a moment.
        """
        infrastructure_fault = infrastructure_fault or name not in self.begun
        trial = self._drop(name)
        if trial is not None:
            self._guarded(lambda: self.trials.worker_lost(trial, trial_end, infrastructure_fault=infrastructure_fault))

    def requeue(self, name: str) -> None:
        """A trial did not begin, for no fault of its own: it comes again, and nothing is counted."""
        trial = self._drop(name)
        if trial is not None:
            self.again.append(trial)

    def worker_assigned(self, name: str) -> None:
        """A trial has a worker: from now on it should be heard."""
        if name in self.running:
            self.heard.setdefault(name, self._now)

    def stalled(self) -> list[str]:
        """The trials that have been silent for too long. To be asked every second or so."""
        looked, self._looked = self._looked, self.clock()
        self._now += min(self._looked - looked, _NAP)
        return [name for name, at in self.heard.items() if self._now - at > self._limit(name)]

    def _limit(self, name: str) -> float:
        return self.job.stall_timeout if name in self.begun else max(self.job.stall_timeout, _BEGIN)

    def _drop(self, name: str) -> Trial | None:
        self.heard.pop(name, None)
        self.begun.discard(name)
        return self.running.pop(name, None)

    def _guarded(self, call: Callable[[], Returned]) -> Returned | None:
        with self._passing:
            try:
                return None if self._closed else call()
            except BaseException as error:
                self.error = error
                return None
