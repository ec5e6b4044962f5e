"""The search of a sweep: it decides which trials a runner gets, when they wait, and when they end."""

import time
from collections.abc import Callable, Mapping, Sequence

from sweeper.protocol.failed_sweep import failed_alike
from sweeper.protocol.promotion import Promotion, is_waiting
from sweeper.protocol.search_budget import STOP_AT, SearchBudget, SearchEnd
from sweeper.protocol.stage import Say, Stage, ignore
from sweeper.protocol.turns import Turns
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.requests import CloneRequest
from sweeper.training.types import ValidationReport
from sweeper.trials.interfaces import Study, Tracker
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord


class SearchStage(Stage):
    """The search: shares the budget among the systems, and lets the record stop poor trials early.

    Where early stopping pauses (promotion.py), a trial waits at each rung until it is promoted, or can no longer be. A
    promoted trial goes on before a new one begins.

    Once a limit has ended it, no trial starts, and those under way are interrupted at their next new report. A command
    with a larger budget continues them. Only a trial that has reached `objective.stop_at` is trained to its end,
    because only a completed trial can be confirmed.

    `discard` is called with a trial that was stopped while it waited: its checkpoint is needed no more.

    The command began `elapsed` seconds ago: the budget's hours cover that too. Each trial gets `gpu` GPUs, by default
    those that the spec asks for. `clock` returns the seconds since 1970, as the study's does.
    """

    users_may_stop_trials = True

    def __init__(
        self,
        spec: SweepSpec,
        study: Study,
        trackers: Sequence[Tracker],
        say: Say = ignore,
        class_counts: Mapping[str, int] | None = None,
        elapsed: float = 0.0,
        gpu: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(spec, study, trackers, say, class_counts)
        self._clock, self._began, self._has_session = clock, clock() - elapsed, False
        self.gpu = spec.resources.most_gpus if gpu is None else gpu
        self.discard: Callable[[Trial], object] = lambda _: None
        self.ended: list[TrialRecord] = []  # trials that ended in this command
        records = study.all_trials()
        self.budget = SearchBudget(spec, records, study.sessions())
        self.promotion = Promotion(spec)
        for record in records:
            self._update_trackers(record)
        searched = self.recorded()
        self.turns = Turns(spec, searched)
        judged = [self._judge_waiting(record) for record in searched]
        interrupted = [record.trial for record in judged if record.end is None and not is_waiting(spec, record)]
        self.requeued.extend(interrupted)
        self._stop_hopeless()
        self.ended.clear()

    @property
    def is_closed(self) -> bool:
        """True if a limit has ended the search, or the first trials all failed alike."""
        return self.all_failed or (self._next_to_finish() is None and self.find_end() is not None)

    def find_end(self) -> SearchEnd | None:
        """Return what has ended the search before all its trials were run; None if nothing has.

        The end of the hours is recorded before it is returned. All other limits follow from the record.
        """
        end = self.budget.find_end()
        if end is None and self._are_hours_over():
            self._begin_session()
            self.close()
            end = self.budget.find_end()
        return end

    def _are_hours_over(self) -> bool:
        hours, now = self.spec.budget.hours, self._clock()
        if hours is None or not (self.running or self.has_pending):
            return False
        if self._has_session:
            return self.budget.spending(int(1000 * now)).hours >= hours
        return self.budget.spending().hours + (now - self._began) / 3600 >= hours

    def close(self) -> None:
        """Record how long this command has searched, if it has."""
        if self._has_session:
            self.study.end_session()
            self.budget.sessions = list(self.study.sessions())

    def _begin_session(self) -> None:
        """Record that this command searches, if that is not on record yet."""
        if not self._has_session:
            self.study.begin_session(self._clock() - self._began, self.gpu)
            self.budget.sessions = list(self.study.sessions())
            self._has_session = True

    def _next_to_finish(self) -> Trial | None:
        """Return an interrupted trial that has reached `objective.stop_at`, if that is what ended the search."""
        end = self.budget.find_end()
        reached = (trial for trial in self.requeued if self.budget.has_reached(trial.number))
        return next(reached, None) if end is not None and end.limit == STOP_AT else None

    def next_trial(self) -> Trial | None:
        """Return an interrupted trial, else a promoted or a new one.

        None if there is none now, or a limit has ended the search.
        """
        first = self._next_to_finish()
        if first is not None:
            self.requeued.remove(first)
            self.requeued.appendleft(first)
        if not self.is_closed and self.has_pending:
            self._begin_session()
        return super().next_trial()

    def report(self, trial: Trial, report: ValidationReport) -> bool:
        """Record a report. Return False if it ends or interrupts the trial, or comes from an abandoned attempt."""
        was_running = self._is_current(trial)
        continues = super().report(trial, report)
        end = self.budget.find_end()
        if was_running and not continues and end is not None and super().will_continue(trial):
            rest = f"with another {end.limit}, the same command continues it"
            self.notify(trial, f"interrupted after epoch {report.epoch:g}, because {end.reason}; {rest}")
        self._stop_hopeless()
        return continues

    def will_continue(self, trial: Trial) -> bool:
        """Return True if the trial waits or was interrupted, so that it needs its checkpoint."""
        return super().will_continue(trial) or self.promotion.find_waiting(trial.number) is not None

    def trial_ended(self, trial: Trial, trial_end: TrialEnd) -> None:
        """Record the end of a trial, after which others may have no chance left."""
        super().trial_ended(trial, trial_end)
        self._stop_hopeless()

    @property
    def all_failed(self) -> bool:
        """True if the first trials of this command all failed alike: with the same kind of error in the same place.

        A trial that waits further on than these came shows that not all fail there.
        """
        first = self.ended[: self.spec.fail_fast_after]
        if len(first) < self.spec.fail_fast_after or not failed_alike(first):
            return False
        furthest = max(len(record.reports) for record in first)
        return all(len(self.study.get(trial).reports) <= furthest for trial in self.promotion.waiting)

    def recorded(self) -> list[TrialRecord]:
        """Return the records of all trials of the search, of earlier commands too."""
        return [record for record in self.study.all_trials() if record.trial.is_of_search]

    def _clone(self, request: CloneRequest) -> None:
        """Record a user's trial, which starts next, unless a limit has ended the search."""
        source = next((record.trial for record in self.recorded() if record.trial.number == request.trial), None)
        if source is not None and not self.is_closed:
            clone = self.study.clone(source, request.params)
            self.requeued.appendleft(clone)
            self._update_trackers(self.study.get(clone))

    def _has_new(self) -> bool:
        return bool(self.turns.open_systems()) or self.promotion.next_trial(self.turns.count_new()) is not None

    def _next_new(self) -> Trial | None:
        promoted = self.promotion.next_trial(self.turns.count_new())
        if promoted is not None:
            self.study.promote(promoted)
            return self._restart(promoted)
        turn = self.turns.take(self.recorded)
        return None if turn is None else self.study.ask(*turn)

    def _decide(self, trial: Trial, record: TrialRecord, report: ValidationReport) -> TrialRecord:
        self.budget.update(record)
        trial_end = self.collapse.check(record, report.step)
        if trial_end is not None:
            return self.study.end_trial(trial, trial_end)
        if is_waiting(self.spec, record) and self.budget.has_reached(trial.number):
            return self.study.promote(trial)  # it is trained to its end
        return record

    def _judge_waiting(self, record: TrialRecord) -> TrialRecord:
        """Decide on a trial that waits, which a killed driver may not have done. Return its record."""
        if not is_waiting(self.spec, record):
            return record
        judged = self._decide(record.trial, record, record.reports[-1])
        if judged is not record:
            self.budget.update(judged)
            self._update_trackers(judged)
        return judged

    def _stop_hopeless(self) -> None:
        """Stop the trials that wait and can no longer be promoted."""
        for trial, trial_end in self.promotion.find_hopeless(self.turns.count_new()):
            self.study.end_trial(trial, trial_end)
            self._leave(trial)
            self._update_trackers(self.study.get(trial))
            self.discard(trial)

    def _stop_trial(self, number: int) -> None:
        """End a trial as its user asks, also one that waits or was interrupted."""
        waiting = self.promotion.find_waiting(number)
        if waiting is not None:
            self.running[number] = waiting
        super()._stop_trial(number)
        if waiting is not None:
            self.discard(waiting)

    def _must_pause(self, trial: Trial, report: ValidationReport) -> bool:
        """Return True if the trial waits at a rung, or is interrupted, because a limit has ended the search.

        A limit does not interrupt a training that is over or has reached `stop_at`.
        """
        if is_waiting(self.spec, self.study.get(trial)):
            return True
        end = self.find_end()
        if end is None or report.step >= trial.config.num_validations:
            return False
        return end.limit != STOP_AT or not self.budget.has_reached(trial.number)

    def _requeue(self, trial: Trial) -> None:
        """Keep a trial that stops running for another attempt. One that waits starts again once it is promoted."""
        if is_waiting(self.spec, self.study.get(trial)):
            del self.running[trial.number]
        else:
            super()._requeue(trial)

    def _update_trackers(self, record: TrialRecord) -> None:
        """Tell the trackers of a trial's new state, and first what decides on promotions."""
        if record.trial.is_of_search:
            self.promotion.update(record)
        super()._update_trackers(record)

    def _leave(self, trial: Trial) -> None:
        super()._leave(trial)
        self.ended.append(self.study.get(trial))
        self.budget.update(self.ended[-1])
