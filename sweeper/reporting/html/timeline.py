"""When each trial ran, and beside which others. The record does not say where: workers are inferred."""

from collections.abc import Sequence

import numpy as np

from sweeper.reporting.html.figure_data import Timeline, TimelineBar
from sweeper.reporting.html.report_data import ReportData
from sweeper.trials.trial import TrialRecord

_HOUR = 3_600_000  # milliseconds
_LONGER = 5  # times that a silence is longer than nine in ten of all, where the sweep was interrupted
_SEEN = 0.1  # share of the whole that a pause must have to be worth cutting out

Span = tuple[float, float]


def timeline(subject: ReportData) -> Timeline:
    """When each trial ran, in hours since the sweep began, long pauses cut out.

    A trial that has not ended is drawn to its last report.
    """
    trials = sorted(subject.recorded, key=lambda one: (one.started_at, one.trial.number))
    silent = find_pauses([moment for one in trials for moment in (one.started_at, *one.report_times, _end(one))])
    begin = min((one.started_at for one in trials), default=0)

    def hours(moment: float) -> float:
        cut = sum(end - since for since, end in silent if end <= moment)
        return (moment - begin - cut) / _HOUR

    spans = [(hours(one.started_at), hours(_end(one))) for one in trials]
    bars = [
        TimelineBar(
            one.trial.number, subject.systems[one.trial.system], slot, *span,
            one.end.outcome if one.end else None, one.trial.attempt, bool(one.trial.source_trial),
        )
        for one, span, slot in zip(trials, spans, assign_workers(spans), strict=True)
    ]  # fmt: skip
    return Timeline(bars, [(hours(end), (end - since) / _HOUR) for since, end in silent])


def elapsed(subject: ReportData) -> float:
    """Hours from the first start to the last end, pauses included."""
    begin = min((one.started_at for one in subject.recorded), default=0)
    return (max((_end(one) for one in subject.recorded), default=begin) - begin) / _HOUR


def _end(one: TrialRecord) -> int:
    last = max(one.report_times, default=one.started_at)
    return last if one.end is None or one.ended_at is None else max(one.ended_at, last)


def find_pauses(moments: Sequence[float]) -> list[Span]:
    """The stretches between these moments that are far longer than is usual: an interruption, a night."""
    ordered = np.unique(np.asarray(moments, dtype=float))
    if len(ordered) < 3:
        return []
    silences = np.diff(ordered)
    usual, whole = float(np.percentile(silences, 90)), float(ordered[-1] - ordered[0])
    long = np.flatnonzero((silences > _LONGER * usual) & (silences > _SEEN * whole))
    return [(float(ordered[k]), float(ordered[k + 1])) for k in long]


def assign_workers(spans: Sequence[Span]) -> list[int]:
    """A worker for each span, from 0: the first that is free again, and so as many as ran at once.

    `spans` are by their begin.
    """
    free: list[float] = []
    found = []
    for begin, end in spans:
        slot = next((k for k, since in enumerate(free) if since <= begin), len(free))
        free[slot : slot + 1] = [end]
        found.append(slot)
    return found
