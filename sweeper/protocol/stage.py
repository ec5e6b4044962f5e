"""The common part of the stages of a sweep, which a runner sees as sources of trials.

A report reaches the record first, then early stopping, whose decision is recorded too, then the trackers. What is not
in the record did not happen; what is in it is never done again.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from sweeper.errors import SweepInterrupted
from sweeper.protocol.collapse import CollapseRule
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.requests import CloneRequest, Request, no_requests
from sweeper.training.types import ValidationReport
from sweeper.trials.interfaces import Study, Tracker
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord, stopped_by_user

MAX_NODE_LOSSES = 5  # losses of a trial's node, or of its worker before it began, that do not end the trial

_ASKED_TO_STOP = 130  # exit code, as after Ctrl-C

Say = Callable[[str], None]


def ignore(_: str) -> None:
    """Do nothing with a message."""


class Stage:
    """A TrialSource in which interrupted trials come first, and the trial of a lost worker comes again."""

    users_may_stop_trials = False  # one seed of a confirmation, picked by a person, would no longer be a fair sample

    def __init__(
        self,
        spec: SweepSpec,
        study: Study,
        trackers: Sequence[Tracker],
        say: Say = ignore,
        class_counts: Mapping[str, int] | None = None,
    ) -> None:
        """Take the number of validation texts by class. Without them, no trial is taken for collapsed.

        Set `requests` to a function that returns what users have asked of the driver since its last call.
        """
        self.spec, self.study, self.trackers, self.say = spec, study, trackers, say
        self.requests: Callable[[], Iterable[Request]] = no_requests
        self.collapse = CollapseRule(spec, class_counts)
        self.running: dict[int, Trial] = {}
        self.requeued: deque[Trial] = deque()  # trials of this stage that were interrupted
        self.losses: Counter[int] = Counter()  # lost workers by trial
        self.infrastructure_losses: Counter[int] = Counter()  # those that the trial did not cause

    # ---- what a stage decides

    def check_closed(self) -> bool:
        """Return True if no more trials start in this command."""
        return False

    def _has_new(self) -> bool:
        """Return True if there are trials that have not begun."""
        raise NotImplementedError

    def _next_new(self) -> Trial | None:
        """Return the next trial that has not begun; None if none is left."""
        raise NotImplementedError

    def _restart(self, trial: Trial) -> Trial:
        """Return an interrupted trial for its next attempt."""
        return self.study.restart(trial)

    def _decide(self, trial: Trial, record: TrialRecord, report: ValidationReport) -> TrialRecord:
        """Return the record after a report at which early stopping did not end the trial. A stage may end it here."""
        return record

    def _must_pause(self, trial: Trial, report: ValidationReport) -> bool:
        """Return True if a trial pauses after this report, which is new, and continues later."""
        return False

    # ---- the interface TrialSource

    def next_trial(self) -> Trial | None:
        """Return an interrupted trial, else a new one; None if none is left now."""
        if self.check_closed():
            return None
        trial = self._restart(self.requeued.popleft()) if self.requeued else self._next_new()
        if trial is not None:
            self.running[trial.number] = trial
            self._update_trackers(self.study.get(trial))
        return trial

    def is_exhausted(self) -> bool:
        """Return True if no trial runs and none will come."""
        return not self.running and (self.check_closed() or not self.has_pending)

    @property
    def has_pending(self) -> bool:
        """True if there are trials to start, interrupted or new."""
        return bool(self.requeued) or self._has_new()

    def take_requests(self) -> None:
        """Do what users have asked since the last call. Raises SweepInterrupted if the sweep is to stop."""
        for request in self.requests():
            if isinstance(request, CloneRequest):
                self._clone(request)
            elif not request.trial:
                self.say("stopping, because `sweeper stop` asks for it")
                raise SweepInterrupted(_ASKED_TO_STOP)
            elif self.users_may_stop_trials:
                self._stop_trial(request.trial)

    def _clone(self, request: CloneRequest) -> None:
        """Take one more trial. Only the search does."""

    def _stop_trial(self, number: int) -> None:
        """End a trial of this stage as its user asks, also one that waits to be continued."""
        for waiting in [trial for trial in self.requeued if trial.number == number]:
            self.requeued.remove(waiting)
            self.running[number] = waiting
        trial = self.running.get(number)
        if trial is not None:
            reports = self.study.get(trial).reports
            self.trial_ended(trial, stopped_by_user(reports[-1].epoch if reports else 0))

    def heartbeat(self, trial: Trial) -> bool:
        """Return False if the trial has been stopped. Requests are taken first."""
        self.take_requests()
        return self._is_current(trial)

    def report(self, trial: Trial, report: ValidationReport) -> bool:
        """Record a report. Return False if it ends or interrupts the trial, or comes from an abandoned attempt."""
        if not self._is_current(trial):
            return False
        known_steps = {known.step for known in self.study.get(trial).reports}  # a resumed trial sends them again
        record = self.study.report(trial, report)
        if record.end is None:
            record = self._decide(trial, record, report)
        if record.end is not None:
            self._leave(trial)
        elif report.step not in known_steps and self._must_pause(trial, report):
            self._requeue(trial)
        self._update_trackers(record)
        return trial.number in self.running

    def will_continue(self, trial: Trial) -> bool:
        """Return True if the trial was interrupted and continues later, so that it needs its checkpoint."""
        return any(waiting.number == trial.number for waiting in self.requeued)

    def trial_ended(self, trial: Trial, trial_end: TrialEnd) -> None:
        """Record the end of a trial. One that ran to its end may have collapsed, or never had a finite score."""
        if not self._is_current(trial):
            return
        if trial_end.outcome == Outcome.COMPLETED:
            trial_end = self.collapse.final_end(self.study.get(trial))
        record = self.study.end_trial(trial, trial_end)
        self._leave(trial)
        self._update_trackers(record)

    def worker_lost(self, trial: Trial, trial_end: TrialEnd, *, infrastructure_fault: bool = False) -> None:
        """Retry the trial of a lost worker from its checkpoint; after too many losses it ends with `trial_end`."""
        if not self._is_current(trial):
            return
        losses = self.infrastructure_losses if infrastructure_fault else self.losses
        limit = max(MAX_NODE_LOSSES, self.spec.retries) if infrastructure_fault else self.spec.retries
        losses[trial.number] += 1
        if losses[trial.number] > limit:
            self.trial_ended(trial, replace(trial_end, reason=f"{trial_end.reason}, {_times(losses[trial.number])}"))
        else:
            self._requeue(trial)
            self.notify(trial, f"{trial_end.reason}; it continues from its last checkpoint")

    def notify(self, trial: Trial | None, text: str) -> None:
        """Pass a message on to the user, about one trial or about the whole sweep."""
        self.say(text if trial is None else f"trial {trial.number}: {text}")

    # ---- the running trials, and the trackers

    def _is_current(self, trial: Trial) -> bool:
        """Return True if this attempt at the trial is the one that runs now."""
        running = self.running.get(trial.number)
        return running is not None and running.attempt == trial.attempt

    def _leave(self, trial: Trial) -> None:
        """Remove a trial that has ended from `running`."""
        self.running.pop(trial.number, None)

    def _requeue(self, trial: Trial) -> None:
        """Keep a running trial for another attempt."""
        del self.running[trial.number]
        self.requeued.append(trial)

    def _update_trackers(self, record: TrialRecord) -> None:
        for tracker in self.trackers:
            tracker.update(record)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
