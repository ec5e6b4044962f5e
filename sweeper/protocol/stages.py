"""The stages of a sweep after its search: confirmation and test."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sweeper.protocol.confirmation import interrupted, pending
from sweeper.protocol.stage import Say, Stage, ignore
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ModelScores, ValidationReport
from sweeper.trials.interfaces import Study, Tracker
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd


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
