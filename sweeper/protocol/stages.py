"""The stages of a sweep as a runner sees them: search, confirm, score. Each is the port Trials.

A report reaches the record first, then the pruner (whose answer is in the record too), then the trackers. Whatever is
not in the record did not happen; whatever is in it is never done again.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from sweeper.protocol import collapse, confirmation
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ModelScores, ValidationReport
from sweeper.trials.interfaces import Study, Tracker
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord

MAX_NODE_LOSSES = 5  # times that a trial's node may be lost, or its worker before it began

Say = Callable[[str], None]


def ignore(_: str) -> None:
    """Where nobody listens."""


class _Stage:
    """What the stages share: trials that were cut off come first, and a lost worker's trial comes again."""

    def __init__(self, spec: SweepSpec, study: Study, trackers: Sequence[Tracker], say: Say = ignore) -> None:
        self.spec, self.study, self.trackers, self.say = spec, study, trackers, say
        self.running: dict[int, Trial] = {}
        self.requeued: deque[Trial] = deque()  # trials of this stage that were cut off
        self.losses: Counter[int] = Counter()
        self.infrastructure_losses: Counter[int] = Counter()  # losses that were no fault of the trial's

    def next_trial(self) -> Trial | None:
        """A trial that was cut off, else a new one."""
        if self.is_closed:
            return None
        trial = self._restart(self.requeued.popleft()) if self.requeued else self._new()
        if trial is not None:
            self.running[trial.number] = trial
            self._tell(self.study.get(trial))
        return trial

    def is_exhausted(self) -> bool:
        """Whether nothing runs and nothing will come."""
        return not self.running and (self.is_closed or not self.has_pending)

    @property
    def is_closed(self) -> bool:
        """Whether no more trials shall start in this command."""
        return False

    @property
    def has_pending(self) -> bool:
        """Whether there are still trials to start."""
        return bool(self.requeued) or self._coming()

    def _coming(self) -> bool:
        raise NotImplementedError

    def _new(self) -> Trial | None:
        raise NotImplementedError

    def _restart(self, trial: Trial) -> Trial:
        return self.study.restart(trial)

    def report(self, trial: Trial, report: ValidationReport) -> bool:
        """Keep a report; False where it ended the trial, or comes from an attempt that was given up."""
        if not self._runs(trial):
            return False
        record = self.study.report(trial, report)
        if record.end is None:
            record = self._verdict(trial, record, report)
        if record.end is not None:
            self._over(trial)
        self._tell(record)
        return record.end is None

    def _verdict(self, trial: Trial, record: TrialRecord, report: ValidationReport) -> TrialRecord:
        """Return the record after a report that early stopping let pass, with the end of the trial if it ends here."""
        return record

    def trial_ended(self, trial: Trial, trial_end: TrialEnd) -> None:
        """Keep the end of a trial. One that predicts a single class even at its best has collapsed."""
        if not self._runs(trial):
            return
        if trial_end.outcome == Outcome.COMPLETED:
            trial_end = collapse.final_outcome(self.spec, self.study.get(trial))
        self.study.end_trial(trial, trial_end)
        self._over(trial)
        self._tell(self.study.get(trial))

    def worker_lost(self, trial: Trial, trial_end: TrialEnd, *, infrastructure_fault: bool = False) -> None:
        """Start a trial whose worker was lost once more, from its checkpoint; give it up after several times."""
        if not self._runs(trial):
            return
        losses = self.infrastructure_losses if infrastructure_fault else self.losses
        losses[trial.number] += 1
        if losses[trial.number] > (
            max(MAX_NODE_LOSSES, self.spec.retries) if infrastructure_fault else self.spec.retries
        ):
            self.trial_ended(trial, replace(trial_end, reason=f"{trial_end.reason}, {_times(losses[trial.number])}"))
        else:
            del self.running[trial.number]
            self.requeued.append(trial)
            self.notify(trial, f"{trial_end.reason}; it goes on from its last checkpoint")

    def notify(self, trial: Trial | None, text: str) -> None:
        """Say what the user should know, of a trial or of the whole."""
        self.say(text if trial is None else f"trial {trial.number}: {text}")

    def _runs(self, trial: Trial) -> bool:
        """Whether it is this attempt at the trial that runs now."""
        running = self.running.get(trial.number)
        return running is not None and running.attempt == trial.attempt

    def _over(self, trial: Trial) -> None:
        self.running.pop(trial.number, None)

    def _tell(self, recorded: TrialRecord) -> None:
        for tracker in self.trackers:
            tracker.update(recorded)


class SearchStage(_Stage):
    """Shares the budget among the cells, and lets the record stop the poor ones early."""

    def __init__(self, spec: SweepSpec, study: Study, trackers: Sequence[Tracker], say: Say = ignore) -> None:
        super().__init__(spec, study, trackers, say)
        recorded = [one for one in study.all_trials() if not one.trial.source_trial]
        for one in study.all_trials():
            self._tell(one)
        self.asked = [sum(one.trial.system == system for one in recorded) for system in range(len(spec.systems))]
        self.requeued.extend(one.trial for one in recorded if one.end is None)
        self.ended: list[TrialRecord] = []  # since this command began
        hours = spec.budget.hours
        self.deadline = time.monotonic() + hours * 3600 if hours else float("inf")

    @property
    def is_closed(self) -> bool:
        """Whether the hours are over, or the first trials all failed alike."""
        return time.monotonic() >= self.deadline or self.all_failed

    @property
    def all_failed(self) -> bool:
        """Whether the first trials of this command all failed with one and the same error."""
        first = self.ended[: self.spec.fail_fast_after]
        ends = {one.end for one in first}
        return len(first) == self.spec.fail_fast_after and len(ends) == 1 and _failed(first[0])

    def _coming(self) -> bool:
        return self._behind() is not None

    def _new(self) -> Trial | None:
        """A trial of the cell that is furthest behind its share."""
        system = self._behind()
        if system is None:
            return None
        self.asked[system] += 1
        return self.study.ask(system)

    def _behind(self) -> int | None:
        open_systems = [system for system, asked in enumerate(self.asked) if asked < self.spec.trial_budget(system)]
        return min(open_systems, key=lambda system: self.asked[system], default=None)

    def _verdict(self, trial: Trial, record: TrialRecord, report: ValidationReport) -> TrialRecord:
        trial_end = collapse.check_collapse(self.spec, record, report.step)
        return record if trial_end is None else self.study.end_trial(trial, trial_end)

    def _over(self, trial: Trial) -> None:
        super()._over(trial)
        self.ended.append(self.study.get(trial))


class ConfirmationStage(_Stage):
    """Trains the best settings of each cell again with fresh seeds, to their end: nothing is stopped early."""

    def __init__(self, spec: SweepSpec, study: Study, trackers: Sequence[Tracker], say: Say = ignore) -> None:
        super().__init__(spec, study, trackers, say)
        recorded = study.all_trials()
        self.requeued.extend(confirmation.interrupted(recorded))
        self.waiting = deque(confirmation.pending(spec, recorded))

    def _coming(self) -> bool:
        return bool(self.waiting)

    def _new(self) -> Trial | None:
        return self.study.confirm(*self.waiting.popleft()) if self.waiting else None


class TestStage(_Stage):
    """Scores the models of trials that were confirmed, on the test split too where there is one (`opens`).

    Each look at it is in the record before it is taken. `keep` takes what a model answered; when that is on the disk,
    the record gets the score.
    """

    def __init__(
        self, spec: SweepSpec, study: Study, trackers: Sequence[Tracker], todo: Sequence[Trial],
        opens: bool, keep: Callable[[Trial, ModelScores], None], say: Say = ignore,
    ) -> None:  # fmt: skip
        super().__init__(spec, study, trackers, say)
        self.requeued.extend(todo)
        self.opens_test_split, self.save_scores = opens, keep
        self.failed: dict[int, TrialEnd] = {}

    def _coming(self) -> bool:
        return False

    def _new(self) -> Trial | None:
        return None

    def _restart(self, trial: Trial) -> Trial:
        if self.opens_test_split:
            self.study.record_test_access(trial)
        return replace(
            trial, attempt=trial.attempt + bool(self.losses[trial.number] + self.infrastructure_losses[trial.number])
        )

    def report(self, trial: Trial, report: ValidationReport) -> bool:
        """Keep what a model answered, then what it scored; False, for that was all that was wanted of it."""
        if not self._runs(trial):
            return False
        if report.model_scores is None:
            return True
        self.save_scores(trial, report.model_scores)
        self.study.record_test_score(trial, report)
        self._over(trial)
        self._tell(self.study.get(trial))
        return False

    def trial_ended(self, trial: Trial, trial_end: TrialEnd) -> None:
        """Take note of a model that could not be scored."""
        if not self._runs(trial):
            return
        if trial_end.outcome != Outcome.COMPLETED:
            self.failed[trial.number] = trial_end
        self._over(trial)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _failed(recorded: TrialRecord) -> bool:
    return recorded.end is not None and recorded.end.outcome == Outcome.FAILED
