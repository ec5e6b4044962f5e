"""The end of a search that its limits let one expect.

The hours, GPU hours and cost leave a time. Patience and `objective.stop_at` end the search after some trial, which
follows from the values of the trials that are drawn.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace

from sweeper.protocol.drawn_search import DrawnTraining
from sweeper.protocol.patience import EndedTrial, count_until_exhaustion
from sweeper.protocol.search_budget import SearchBudget
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TrialRecord


class SearchForecast:
    """Tells the time at which limits end a search whose rest is drawn."""

    def __init__(self, spec: SweepSpec, budget: SearchBudget, slots: int, now: float) -> None:
        """Start from what the search has used up to `now`, in seconds since 1970, with `slots` trials at a time."""
        self._num_systems, self._patience = len(spec.systems), spec.budget.patience
        self._seconds = allowed_seconds(spec, budget, slots, now)
        self._ended = budget.ended_trials() if self._patience is not None else []
        self._goal = None if spec.objective.stop_at is None else spec.objective.sign * spec.objective.stop_at

    def seconds_until_limit(self, trainings: Sequence[DrawnTraining]) -> float:
        """Return the seconds until a limit ends a search with these trainings; infinity if none does."""
        ordered = sorted(trainings, key=lambda training: training.end)
        return min(self._seconds, self._patience_end(ordered), self._goal_end(ordered))

    def _patience_end(self, ordered: Sequence[DrawnTraining]) -> float:
        if self._patience is None:
            return math.inf
        drawn = [EndedTrial(training.system, index, training.value) for index, training in enumerate(ordered)]
        end = count_until_exhaustion(
            [*self._ended, *drawn], self._num_systems, self._patience.trials, self._patience.noise
        )
        return math.inf if end is None else ordered[max(0, end[0] - len(self._ended) - 1)].end

    def _goal_end(self, ordered: Sequence[DrawnTraining]) -> float:
        """Return the end of the first trial that reaches the goal."""
        if self._goal is None:
            return math.inf
        return min(
            (training.end for training in ordered if training.value is not None and training.value >= self._goal),
            default=math.inf,
        )


def allowed_seconds(spec: SweepSpec, budget: SearchBudget, slots: int, now: float) -> float:
    """Return the seconds that the hours, the GPU hours and the cost leave to the search; infinity without a limit.

    `now` is in seconds since 1970. Of the GPU hours, all `slots` are taken to train.
    """
    limits, used = spec.budget, budget.spending(int(1000 * now))
    seconds = [3600 * (limits.hours - used.hours)] if limits.hours is not None else []
    gpus = slots * (budget.sessions[-1].gpu if budget.sessions else spec.resources.most_gpus)
    gpu_hours = [limits.gpu_hours] if limits.gpu_hours is not None else []
    if limits.cost is not None:
        gpu_hours.append(limits.cost.usd / limits.cost.per_gpu_hour)
    if gpu_hours and gpus:
        seconds.append(3600 * (min(gpu_hours) - used.gpu_hours) / gpus)
    return max(0.0, min(seconds, default=math.inf))


def find_limit_time(spec: SweepSpec, records: Sequence[TrialRecord], sessions: Sequence[SearchSession]) -> int | None:
    """Return the time of the report at which a limit ended a search, in milliseconds since 1970; None if none did."""
    times = sorted({time for record in records for time in record.report_times})

    def is_over(time: int) -> bool:
        return SearchBudget(spec, [_cut(record, time) for record in records], sessions).find_end(time) is not None

    index = bisect_left(times, True, key=is_over)  # once over, a search stays over
    return times[index] if index < len(times) else None


def _cut(record: TrialRecord, time: int) -> TrialRecord:
    """Return the record of a trial as it was at a time, in milliseconds since 1970."""
    count = bisect_right(record.report_times, time)
    has_ended = record.ended_at is not None and record.ended_at <= time
    reports, times = record.reports[:count], record.report_times[:count]
    end, ended_at = (record.end, record.ended_at) if has_ended else (None, None)
    return replace(record, reports=reports, report_times=times, end=end, ended_at=ended_at)
