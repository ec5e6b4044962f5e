"""The stages of a sweep: search, confirmation, test. Each decides which trials a runner gets, and when they end."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from sweeper.protocol.confirmation import interrupted, pending
from sweeper.protocol.failed_sweep import count_failed_rounds, failed_alike
from sweeper.protocol.stage import Say, Stage, ignore
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ModelScores, ValidationReport
from sweeper.trials.interfaces import Study, Tracker
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord


class SearchStage(Stage):
    """The search: shares the budget among the systems, and lets the record stop poor trials early.

    `began` is the time, by `time.monotonic`, from which the budget's hours count; by default now. Once they are over,
    no trial starts, and those under way are interrupted at their next new report. The next command continues them.
    """

    def __init__(
        self,
        spec: SweepSpec,
        study: Study,
        trackers: Sequence[Tracker],
        say: Say = ignore,
        began: float | None = None,
        class_counts: Sequence[int] = (),
    ) -> None:
        super().__init__(spec, study, trackers, say, class_counts)
        records = study.all_trials()
        for record in records:
            self._update_trackers(record)
        searched = [record for record in records if not record.trial.source_trial]
        self.rounds = 1 + count_failed_rounds(spec, searched)  # times that the budget is spent
        self.num_proposed = [
            sum(record.trial.system == system for record in searched) for system in range(len(spec.systems))
        ]
        self.requeued.extend(record.trial for record in searched if record.end is None)
        self.ended: list[TrialRecord] = []  # trials that ended in this command
        hours = spec.budget.hours
        began = time.monotonic() if began is None else began
        self.deadline = began + hours * 3600 if hours else float("inf")

    @property
    def is_closed(self) -> bool:
        """True if the budget's hours are over, or the first trials all failed alike."""
        return time.monotonic() >= self.deadline or self.all_failed

    @property
    def all_failed(self) -> bool:
        """True if the first trials of this command all failed alike: with the same kind of error in the same place."""
        first = self.ended[: self.spec.fail_fast_after]
        return len(first) == self.spec.fail_fast_after and failed_alike(first)

    def recorded(self) -> list[TrialRecord]:
        """Return the records of all trials of the search, of earlier commands too."""
        return [record for record in self.study.all_trials() if not record.trial.source_trial]

    def _has_new(self) -> bool:
        return self._next_system() is not None

    def _next_new(self) -> Trial | None:
        system = self._next_system()
        if system is None:
            return None
        self.num_proposed[system] += 1
        return self.study.ask(system)

    def _next_system(self) -> int | None:
        """Return the system that has had the fewest trials; None if all have had their share of the budget."""
        shares = [self.rounds * self.spec.trial_budget(system) for system in range(len(self.num_proposed))]
        open_systems = [system for system, count in enumerate(self.num_proposed) if count < shares[system]]
        return min(open_systems, key=lambda system: self.num_proposed[system], default=None)

    def _decide(self, trial: Trial, record: TrialRecord, report: ValidationReport) -> TrialRecord:
        trial_end = self.collapse.check(record, report.step)
        return record if trial_end is None else self.study.end_trial(trial, trial_end)

    def _must_pause(self, trial: Trial, report: ValidationReport) -> bool:
        """Return True if the budget's hours are over, and the training is not."""
        return time.monotonic() >= self.deadline and report.step < trial.config.num_validations

    def _leave(self, trial: Trial) -> None:
        super()._leave(trial)
        self.ended.append(self.study.get(trial))


class ConfirmationStage(Stage):
    """The confirmation: trains the best settings of each system with fresh seeds, to their end."""

    def __init__(
        self,
        spec: SweepSpec,
        study: Study,
        trackers: Sequence[Tracker],
        say: Say = ignore,
        class_counts: Sequence[int] = (),
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
