"""The stages of a sweep: search, confirmation, test. Each decides which trials a runner gets, and when they end."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sweeper.protocol.confirmation import interrupted, pending
from sweeper.protocol.failed_sweep import failed_alike
from sweeper.protocol.search_budget import STOP_AT, SearchBudget, SearchEnd
from sweeper.protocol.stage import Say, Stage, ignore
from sweeper.protocol.turns import Turns
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.requests import CloneRequest
from sweeper.training.types import ModelScores, ValidationReport
from sweeper.trials.interfaces import Study, Tracker
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord


class SearchStage(Stage):
    """The search: shares the budget among the systems, and lets the record stop poor trials early.

    Once a limit has ended it, no trial starts, and those under way are interrupted at their next new report. A command
    with a larger budget continues them. Only a trial that has reached `objective.stop_at` is trained to its end,
    because only a completed trial can be confirmed.

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
        records = study.all_trials()
        self.budget = SearchBudget(spec, records, study.sessions())
        for record in records:
            self._update_trackers(record)
        searched = [record for record in records if not record.trial.source_trial]
        self.turns = Turns(spec, searched)
        self.requeued.extend(record.trial for record in searched if record.end is None)
        self.ended: list[TrialRecord] = []  # trials that ended in this command

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
        """Return an interrupted trial, else a new one; None if none is left now, or a limit has ended the search."""
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
        if was_running and not continues and end is not None and self.will_continue(trial):
            rest = f"with another {end.limit}, the same command continues it"
            self.notify(trial, f"interrupted after epoch {report.epoch:g}, because {end.reason}; {rest}")
        return continues

    @property
    def all_failed(self) -> bool:
        """True if the first trials of this command all failed alike: with the same kind of error in the same place."""
        first = self.ended[: self.spec.fail_fast_after]
        return len(first) == self.spec.fail_fast_after and failed_alike(first)

    def recorded(self) -> list[TrialRecord]:
        """Return the records of all trials of the search, of earlier commands too."""
        return [record for record in self.study.all_trials() if not record.trial.source_trial]

    def _clone(self, request: CloneRequest) -> None:
        """Record a user's trial, which starts next, unless a limit has ended the search."""
        source = next((record.trial for record in self.recorded() if record.trial.number == request.trial), None)
        if source is not None and not self.is_closed:
            self.requeued.appendleft(self.study.clone(source, request.params))

    def _has_new(self) -> bool:
        return bool(self.turns.open_systems())

    def _next_new(self) -> Trial | None:
        turn = self.turns.take(self.recorded)
        return None if turn is None else self.study.ask(*turn)

    def _decide(self, trial: Trial, record: TrialRecord, report: ValidationReport) -> TrialRecord:
        self.budget.update(record)
        trial_end = self.collapse.check(record, report.step)
        return record if trial_end is None else self.study.end_trial(trial, trial_end)

    def _must_pause(self, trial: Trial, report: ValidationReport) -> bool:
        """Return True if a limit has ended the search, the training is not over, and it did not reach `stop_at`."""
        end = self.find_end()
        if end is None or report.step >= trial.config.num_validations:
            return False
        return end.limit != STOP_AT or not self.budget.has_reached(trial.number)

    def _leave(self, trial: Trial) -> None:
        super()._leave(trial)
        self.ended.append(self.study.get(trial))
        self.budget.update(self.ended[-1])


class ConfirmationStage(Stage):
    """The confirmation: trains the best settings of each system with fresh seeds, to their end."""

    def __init__(
        self,
        spec: SweepSpec,
        study: Study,
        trackers: Sequence[Tracker],
        say: Say = ignore,
        class_counts: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(spec, study, trackers, say, class_counts)
        records = study.all_trials()
        self.requeued.extend(interrupted(records))
        self.waiting = deque(pending(spec, records))

    def _has_new(self) -> bool:
        return bool(self.waiting)

    def _next_new(self) -> Trial | None:
        return self.study.confirm(*self.waiting.popleft()) if self.waiting else None


class TestStage(Stage):
    """The test: scores the models of confirmed trials, on the test split if there is one.

    Each test access is recorded before it happens. `save_scores` stores a model's predictions; once they are on the
    disk, the record gets the score. `failed` holds the trials whose model could not be scored.
    """

    def __init__(
        self,
        spec: SweepSpec,
        study: Study,
        trackers: Sequence[Tracker],
        trials: Sequence[Trial],
        opens_test_split: bool,
        save_scores: Callable[[Trial, ModelScores], None],
        say: Say = ignore,
    ) -> None:
        super().__init__(spec, study, trackers, say)
        self.requeued.extend(trials)
        self.opens_test_split, self.save_scores = opens_test_split, save_scores
        self.failed: dict[int, TrialEnd] = {}

    def _has_new(self) -> bool:
        return False

    def _next_new(self) -> Trial | None:
        return None

    def _restart(self, trial: Trial) -> Trial:
        """Record the test access, and return the trial with a new attempt number if a worker was lost before."""
        if self.opens_test_split:
            self.study.record_test_access(trial)
        was_lost = bool(self.losses[trial.number] + self.infrastructure_losses[trial.number])
        return replace(trial, attempt=trial.attempt + was_lost)

    def report(self, trial: Trial, report: ValidationReport) -> bool:
        """Store a model's predictions, then record its score. Return False: there is nothing else to do."""
        if not self._is_current(trial):
            return False
        if report.model_scores is None:
            return True
        self.save_scores(trial, report.model_scores)
        self.study.record_test_score(trial, report)
        self._leave(trial)
        self._update_trackers(self.study.get(trial))
        return False

    def trial_ended(self, trial: Trial, trial_end: TrialEnd) -> None:
        """Note a model that could not be scored."""
        if not self._is_current(trial):
            return
        if trial_end.outcome != Outcome.COMPLETED:
            self.failed[trial.number] = trial_end
        self._leave(trial)
