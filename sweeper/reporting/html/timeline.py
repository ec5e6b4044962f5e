"""The timeline of trials. The record does not name workers, so they are inferred from starts and ends."""

from collections.abc import Sequence

import numpy as np

from sweeper.protocol.promotion import count_promotions, rank_value
from sweeper.reporting.html.figure_data import TimelineBar, TimelineFigure
from sweeper.reporting.html.report_data import ReportData
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.trial import TrialRecord

_HOUR = 3_600_000  # milliseconds
_MIN_RATIO = 5  # a pause is longer than so many times the 90th percentile of the gaps between events
_MIN_SHARE = 0.1  # a pause is longer than this share of the whole time

Span = tuple[float, float]


def build_timeline(report: ReportData) -> TimelineFigure:
    """Return the trials by time and worker, in hours since the sweep began, with long pauses cut out.

    A trial that has not ended is drawn up to its last report, and one that waited at rungs has a bar for each part.
    """
    records = sorted(report.records, key=lambda record: (record.started_at, record.trial.number))
    moments = [moment for record in records for moment in (record.started_at, *record.report_times, record.last_moment)]
    pauses = find_pauses(moments)
    began_at = min((record.started_at for record in records), default=0)

    def to_hours(moment: float) -> float:
        paused = sum(end - start for start, end in pauses if end <= moment)
        return (moment - began_at - paused) / _HOUR

    parts = sorted((part, record.trial.number) for record in records for part in _parts(report.spec, record))
    spans = [(to_hours(start), to_hours(end)) for (start, end), _ in parts]
    by_number = {record.trial.number: record for record in records}
    bars = [
        _bar(report, by_number[number], worker, span)
        for (_, number), span, worker in zip(parts, spans, assign_workers(spans), strict=True)
    ]
    return TimelineFigure(bars, [(to_hours(end), (end - start) / _HOUR) for start, end in pauses])


def _parts(spec: SweepSpec, record: TrialRecord) -> list[Span]:
    """Return the times at which a trial ran, in milliseconds since 1970: it does not run while it waits at a rung."""
    if not record.reports:
        return [(record.started_at, record.last_moment)]
    times, parts, start = record.report_times, [], float(record.started_at)
    for k, report in enumerate(record.reports):
        if rank_value(spec, record, report.step) is None:
            continue
        if k + 1 < len(times):
            parts.append((start, float(times[k])))
            start = max(times[k], times[k + 1] - 1000 * record.reports[k + 1].metrics.get("seconds", 0.0))
        elif record.promoted_after < report.step:
            return [*parts, (start, float(times[k]))]
    return [*parts, (start, float(record.last_moment))]


def _bar(report: ReportData, record: TrialRecord, worker: int, span: Span) -> TimelineBar:
    """Return the bar of a part of a trial. A promotion is not counted as another attempt."""
    outcome, promotions = record.outcome, count_promotions(report.spec, record)
    trial, system = record.trial, report.systems[record.trial.system]
    return TimelineBar(trial.number, system, worker, *span, outcome, trial.attempt - promotions, not trial.is_of_search)


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
