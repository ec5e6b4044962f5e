"""The limits of a search: what it has used of them, and which one ends it.

What is used is a function of the record, so a driver that starts again comes to the same decision. The trials that each
system gets are decided in search_stage.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sweeper.protocol.patience import EndedTrial, find_exhaustion
from sweeper.protocol.ranking import score_trial, setting_key
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import GPU_SHARE, ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.search_session import SearchSession, session_at
from sweeper.trials.trial import TrialRecord

STOP_AT = "objective.stop_at"
HOURS = "budget.hours"
_HOUR = 3_600_000  # milliseconds


@dataclass(frozen=True)
class SearchEnd:
    """The limit that ended the search before all its trials were run, by its key, with the reason in words."""

    limit: str
    reason: str


@dataclass(frozen=True)
class Spending:
    """The spending of a search: epochs of training, hours of its commands, and GPU hours of training and validation."""

    epochs: float = 0.0
    hours: float = 0.0
    gpu_hours: float = 0.0


class SearchBudget:
    """Counts what a search uses, and finds out which limit has ended it. Tell it of each new state of a trial."""

    def __init__(
        self, spec: SweepSpec, records: Iterable[TrialRecord] = (), sessions: Sequence[SearchSession] = ()
    ) -> None:
        """Start from what is on record. Records of the confirmation do not count."""
        self.spec, self.sessions = spec, list(sessions)
        self._counted: dict[int, int] = {}  # reports of each trial that are counted
        self._num_reports = self._gpu_microseconds = 0  # whole numbers: their sum does not depend on the order
        self._last_reports: dict[int, int] = {}  # the time of a session's last report, by the time of the session
        self._reached: dict[int, float] = {}  # trials whose value has reached `stop_at`, with that value
        self._ended: dict[int, TrialRecord] = {}
        self._patience_end: tuple[int, SearchEnd | None] = (0, None)  # after so many ended trials
        for record in records:
            self.update(record)

    def update(self, record: TrialRecord) -> None:
        """Count what is new in the record of a trial."""
        number = record.trial.number
        if record.trial.source_trial:
            return
        counted = self._counted.get(number, 0)
        for report, at in zip(record.reports[counted:], record.report_times[counted:], strict=True):
            session = session_at(self.sessions, at)
            gpus = gpus_of(self.spec, report, session)
            self._num_reports += 1
            self._gpu_microseconds += round(report.metrics.get("seconds", 0.0) * gpus * 1e6)
            if session is not None:
                self._last_reports[session.at] = max(at, self._last_reports.get(session.at, 0))
        self._counted[number] = len(record.reports)
        self._note_value(record)
        if record.end is not None:
            self._ended[number] = record

    def _note_value(self, record: TrialRecord) -> None:
        """Note a trial whose value reaches `stop_at`, unless it ended without being completed."""
        stop_at = self.spec.objective.stop_at
        if stop_at is None:
            return
        score = score_trial(self.spec, record)
        self._reached.pop(score.number, None)
        is_candidate = score.outcome in (None, Outcome.COMPLETED) and score.score is not None
        if is_candidate and score.score is not None:
            sign = self.spec.objective.sign
            if sign * score.score >= sign * stop_at:
                self._reached[score.number] = score.score

    def has_reached(self, number: int) -> bool:
        """Return True if a trial's value has reached `stop_at`."""
        return number in self._reached

    def spending(self, now: int = 0) -> Spending:
        """Return what the search has used, up to `now` (milliseconds since 1970) if its last session still runs."""
        return Spending(
            epochs=self._num_reports / self.spec.validations_per_epoch,
            hours=self._milliseconds(now) / _HOUR,
            gpu_hours=self._gpu_microseconds / 3.6e9,
        )

    def _milliseconds(self, now: int) -> int:
        """Return the length of all sessions, each up to the last thing that the record has of it."""
        lasts = [max(s.at, s.ended or 0, self._last_reports.get(s.at, 0)) for s in self.sessions]
        if lasts:
            lasts[-1] = max(lasts[-1], now)
        return sum(last - session.began for last, session in zip(lasts, self.sessions, strict=True))

    def find_end(self, now: int = 0) -> SearchEnd | None:
        """Return what has ended the search; None if no limit has. `now` is explained at `spending`."""
        used, budget = self.spending(now), self.spec.budget
        end = limit_reached(self.spec, used)
        if end is None and self._reached:
            number, value = min(self._reached.items())
            metric, stop_at = self.spec.objective.metric, self.spec.objective.stop_at
            end = SearchEnd(STOP_AT, f"{metric} reached {stop_at:g} ({value:.4f} in trial {number})")
        if end is None and budget.patience is not None:
            if self._patience_end[0] != len(self._ended):
                patience_end = self._find_patience_end(budget.patience.trials, budget.patience.noise)
                self._patience_end = len(self._ended), patience_end
            end = self._patience_end[1]
        return end

    def ended_trials(self) -> list[EndedTrial]:
        """Return the trials that have ended, in the order in which they did."""
        ended = sorted(self._ended.values(), key=lambda record: (record.ended_at or 0, record.trial.number))
        return [_ended_trial(self.spec, record) for record in ended]

    def _find_patience_end(self, trials: int, noise: float | None) -> SearchEnd | None:
        limit = find_exhaustion(self.ended_trials(), len(self.spec.systems), trials, noise)
        if limit is None:
            return None
        last = "its last trial" if trials == 1 else f"its last {trials} trials"
        kind = "seed noise" if noise is None else "noise"
        reason = f"no system's best improved by more than the {kind} ({limit:.4f}) in {last}"
        return SearchEnd("budget.patience", reason)


def gpus_of(spec: SweepSpec, report: ValidationReport, session: SearchSession | None) -> float:
    """Return the GPUs that a trial had up to a report, which it made in this session."""
    session_gpus = spec.resources.most_gpus if session is None else session.gpu
    return report.metrics.get(GPU_SHARE, session_gpus)


def count_search_trials(spec: SweepSpec) -> int:
    """Return the number of trials that all systems get of the budget together."""
    return sum(spec.trial_budget(system) for system in range(len(spec.systems)))


def limit_reached(spec: SweepSpec, used: Spending) -> SearchEnd | None:
    """Return the limit of epochs, hours, GPU hours or cost that is used up; None if none is."""
    budget = spec.budget
    if budget.epochs is not None and used.epochs >= budget.epochs:
        return SearchEnd("budget.epochs", f"the budget's {budget.epochs:g} epochs are used")
    if budget.hours is not None and used.hours >= budget.hours:
        return SearchEnd(HOURS, f"the budget's {budget.hours:g} hours are over")
    if budget.gpu_hours is not None and used.gpu_hours >= budget.gpu_hours:
        return SearchEnd("budget.gpu_hours", f"the budget's {budget.gpu_hours:g} GPU hours are used")
    cost = budget.cost
    if cost is not None and used.gpu_hours * cost.per_gpu_hour >= cost.usd:
        price = f"{cost.per_gpu_hour:g} USD per GPU hour"
        return SearchEnd("budget.cost", f"the budget's {cost.usd:g} USD are used, at {price}")
    return None


def describe_search_end(reason: str, num_interrupted: int, num_waiting: int = 0) -> str:
    """Return why the search ended before all its trials were run, and how many trials were under way or waited then."""
    trials = "1 trial was" if num_interrupted == 1 else f"{num_interrupted} trials were"
    kept = f"; {trials} interrupted, and a larger budget continues them" if num_interrupted else ""
    waiting = "1 trial waits" if num_waiting == 1 else f"{num_waiting} trials wait"
    kept += f"; {waiting} for promotion, and a larger budget goes on with the best" if num_waiting else ""
    return f"the search has ended: {reason}{kept}"


def _ended_trial(spec: SweepSpec, record: TrialRecord) -> EndedTrial:
    score = score_trial(spec, record)
    value = None if score.score is None else spec.objective.sign * score.score
    is_completed = score.outcome == Outcome.COMPLETED
    return EndedTrial(score.system, setting_key(score.params), value if is_completed else None)
