"""The timeline of trials. The record does not name workers, so they are inferred from starts and ends."""

from collections.abc import Sequence

import numpy as np

from sweeper.reporting.html.figure_data import TimelineBar, TimelineFigure
from sweeper.reporting.html.report_data import ReportData

_HOUR = 3_600_000  # milliseconds
_MIN_RATIO = 5  # a pause is longer than so many times the 90th percentile of the gaps between events
_MIN_SHARE = 0.1  # a pause is longer than this share of the whole time

Span = tuple[float, float]


def build_timeline(report: ReportData) -> TimelineFigure:
    """Return the trials by time and worker, in hours since the sweep began, with long pauses cut out.

    A trial that has not ended is drawn up to its last report.
    """
    records = sorted(report.records, key=lambda record: (record.started_at, record.trial.number))
    moments = [moment for record in records for moment in (record.started_at, *record.report_times, record.last_moment)]
    pauses = find_pauses(moments)
    began_at = min((record.started_at for record in records), default=0)

    def to_hours(moment: float) -> float:
        paused = sum(end - start for start, end in pauses if end <= moment)
        return (moment - began_at - paused) / _HOUR

    spans = [(to_hours(record.started_at), to_hours(record.last_moment)) for record in records]
    bars = [
        TimelineBar(
            record.trial.number, report.systems[record.trial.system], worker, *span,
            record.end.outcome if record.end else None, record.trial.attempt, bool(record.trial.source_trial),
        )
        for record, span, worker in zip(records, spans, assign_workers(spans), strict=True)
    ]  # fmt: skip
    return TimelineFigure(bars, [(to_hours(end), (end - start) / _HOUR) for start, end in pauses])


def elapsed_hours(report: ReportData) -> float:
    """Return the hours from the first start to the last end, including pauses."""
    began_at = min((record.started_at for record in report.records), default=0)
    return (max((record.last_moment for record in report.records), default=began_at) - began_at) / _HOUR


def find_pauses(moments: Sequence[float]) -> list[Span]:
    """Return the gaps between these moments that are much longer than usual, such as an interruption or a night."""
    ordered = np.unique(np.asarray(moments, dtype=float))
    if len(ordered) < 3:
        return []
    gaps = np.diff(ordered)
    usual, total = float(np.percentile(gaps, 90)), float(ordered[-1] - ordered[0])
    long = np.flatnonzero((gaps > _MIN_RATIO * usual) & (gaps > _MIN_SHARE * total))
    return [(float(ordered[k]), float(ordered[k + 1])) for k in long]


def assign_workers(spans: Sequence[Span]) -> list[int]:
    """Return a worker for each span, from 0: the first that is free, so there are as many as ran at the same time.

    The spans must be in the order of their starts.
    """
    free_from: list[float] = []
    workers = []
    for start, end in spans:
        worker = next((k for k, moment in enumerate(free_from) if moment <= start), len(free_from))
        free_from[worker : worker + 1] = [end]
        workers.append(worker)
    return workers
