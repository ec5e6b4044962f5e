"""The state that the adapters of Ray Tune share: the running trials by Tune's names for them, and signs of life.

Tune runs in a thread of its own. Once all trials have ended, it waits there until it gets others or is told to end.

Tune would hide or replace an exception that sweeper's code raises in one of its callbacks. The bridge stores it instead
and stops the run. The runner then raises it unchanged.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sweeper.execution.attempt import Event, deliver
from sweeper.execution.gpu_room import ONE_SHARE_FOR_ALL, GpuRoom
from sweeper.storage.trial_files import delete_trial_files
from sweeper.trials.interfaces import TrainingJob, TrialSource
from sweeper.trials.trial import Trial, TrialEnd

_START_TIMEOUT = 60.0  # seconds that a worker has at least for its first event, because it imports torch before
_MAX_CHECK_INTERVAL = 2.0  # seconds that count at most between two checks for stalled trials


class TuneBridge:
    """The trials of a job as Tune runs them, at most `slots()` at a time, and then those of another job.

    Time passes only while `find_stalled` is called. So a driver that was suspended does not take every trial for dead.
    """

    def __init__(
        self,
        trials: TrialSource,
        job: TrainingJob,
        slots: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
        room: GpuRoom = ONE_SHARE_FOR_ALL,
    ) -> None:
        self.trials, self.job, self.slots, self.clock, self.room = trials, job, slots, clock, room
        self.running: dict[str, Trial] = {}
        self.last_heard: dict[str, float] = {}  # for each trial with a worker, when it last sent an event
        self.started: set[str] = set()  # trials that have sent an event
        self.requeued: deque[Trial] = deque()
        self.error: BaseException | None = None
        self._checked_at, self._now = clock(), 0.0
        self._lock, self._is_closed = threading.RLock(), False
        self.all_ended, self._continues = threading.Event(), threading.Event()
        self._is_stopping = self._is_finished = False

    def run_more(self, trials: TrialSource, job: TrainingJob) -> None:
        """Give Tune other trials. Call this once `all_ended` is set."""
        self.trials, self.job = trials, job
        self.all_ended.clear()
        self._continues.set()

    def wait_for_more(self) -> bool:
        """Set `all_ended`, and return True once there are other trials, or Tune must stop; False if none will come."""
        self._continues.clear()
        self.all_ended.set()
        if not self._is_finished and not self.must_stop:
            self._continues.wait()
        return not self._is_finished

    def finish(self) -> None:
        """Let Tune end, because no trials will come any more."""
        self._is_finished = True
        self._continues.set()

    def stop(self) -> None:
        """Let Tune stop at its next step, whatever it runs."""
        self._is_stopping = True
        self._continues.set()

    @property
    def must_stop(self) -> bool:
        """True if Tune must stop at once: it was told to, or code of sweeper's raised an error."""
        return self._is_stopping or self.error is not None

    def close(self) -> list[Trial]:
        """Ignore all calls from now on, because an abandoned Tune may wake up. Return the trials that have not ended.

        Waits for a call that is in progress.
        """
        with self._lock:
            self._is_closed = True
            return [*self.running.values(), *self.requeued]

    def next_trial(self, name: str) -> Trial | None:
        """Return the trial to run under this name. None means that there is none now, or none at all if exhausted."""
        slots, gpus = self.slots(), self.room.count_gpus()  # a cluster may never answer; `close` must not wait for that
        with self._lock:
            if len(self.running) >= slots or self.error or self._is_closed:
                return None
            trial = self.requeued.popleft() if self.requeued else None
            if trial is None:
                with self._stored_errors():
                    trial = self.trials.next_trial()
            if trial is not None and not self.room.has_room(trial, self.running.values(), gpus):
                self.requeued.appendleft(trial)  # and no other trial overtakes it
                return None
            if trial is not None:
                self.running[name] = trial
            return trial

    @property
    def is_exhausted(self) -> bool:
        """True if no trial will come any more."""
        is_exhausted = False
        with self._stored_errors():
            is_exhausted = not self.requeued and not self._is_closed and self.trials.is_exhausted()
        return is_exhausted or self.error is not None

    def handle_event(self, name: str, event: Event) -> bool:
        """Pass on an event of a trial. Return False if the trial must stop, has ended, or is unknown here."""
        with self._lock:
            trial = self.running.get(name)
            if trial is None or self._is_closed:
                return False
            self.last_heard[name] = self._now
            self.started.add(name)
            if self.room.needs_more(trial, event):
                self._try_again_alone(name, trial)
                return False
            continues = False
            with self._stored_errors():
                continues = deliver(event, trial, self.trials)
            if not continues:
                self._remove(name)
                if self._has_ended(trial):
                    delete_trial_files(self.job.folder, trial, storage=self.job.storage)
            return continues

    def _try_again_alone(self, name: str, trial: Trial) -> None:
        self._remove(name)
        self.requeued.appendleft(trial)
        text = "out of memory within its measured share of a GPU; it continues alone on a GPU"
        with self._stored_errors():
            self.trials.notify(trial, text)

    def _has_ended(self, trial: Trial) -> bool:
        """Return True if a stopped trial needs its checkpoint no more. After an error its end may not be recorded."""
        will_continue = True
        with self._stored_errors():
            will_continue = self.trials.will_continue(trial)
        return self.error is None and not will_continue

    def worker_lost(self, name: str, trial_end: TrialEnd, *, infrastructure_fault: bool = False) -> None:
        """Take the loss of a trial's worker. The trial ends with `trial_end` after too many losses.

        A trial that never sent an event did not cause the loss. When a node dies, Tune may assign trials to it for a
        moment longer.
        """
        with self._stored_errors():
            if self._is_closed:  # then the caller of `close` has the trial
                return
            infrastructure_fault = infrastructure_fault or name not in self.started
            trial = self._remove(name)
            if trial is not None:
                self.trials.worker_lost(trial, trial_end, infrastructure_fault=infrastructure_fault)

    def requeue(self, name: str) -> None:
        """Take back a trial that could not start. It is started again, and no loss is counted."""
        with self._lock:
            trial = None if self._is_closed else self._remove(name)
            if trial is not None:
                self.requeued.append(trial)

    def take_requests(self) -> None:
        """Let the source of trials do what users have asked. Call this about every second."""
        with self._stored_errors():
            if not self._is_closed:
                self.trials.take_requests()

    def worker_assigned(self, name: str) -> None:
        """Note that a trial has a worker. From now on it must send events."""
        if name in self.running:
            self.last_heard.setdefault(name, self._now)

    def find_stalled(self) -> list[str]:
        """Return the names of the trials that have been silent for too long. Call this about every second."""
        previous, self._checked_at = self._checked_at, self.clock()
        self._now += min(self._checked_at - previous, _MAX_CHECK_INTERVAL)
        return [name for name, heard_at in self.last_heard.items() if self._now - heard_at > self._timeout(name)]

    def _timeout(self, name: str) -> float:
        timeout = self.job.stall_timeout
        return timeout if name in self.started else max(timeout, _START_TIMEOUT)

    def _remove(self, name: str) -> Trial | None:
        self.last_heard.pop(name, None)
        self.started.discard(name)
        return self.running.pop(name, None)

    @contextmanager
    def _stored_errors(self) -> Iterator[None]:
        """Hold the lock, and store an exception in `error` instead of raising it."""
        with self._lock:
            try:
                yield
            except BaseException as error:
                self.error = error
