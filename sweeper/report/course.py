"""How a sweep went: the course of each trial, when it ran beside which others, and what all of it cost."""

from collections.abc import Sequence

from sweeper.outcome import Outcome
from sweeper.ports import Recorded
from sweeper.report.figures import Bar, Curve, Curves, Timeline
from sweeper.report.subject import Subject

_HOUR = 3_600_000  # milliseconds


def curves(subject: Subject) -> list[Curves]:
    """How the trials of each cell went, those that confirm it too."""
    spec = subject.spec
    rungs = [rung / spec.validations_per_epoch for rung in spec.rungs]
    found = []
    for cell, name in enumerate(subject.cells):
        drawn = [_curve(one, spec.objective.metric) for one in subject.recorded if one.trial.cell == cell]
        found.append(Curves(name, spec.objective.metric, [curve for curve in drawn if curve.epochs], rungs))
    return [one for one in found if one.curves]


def _curve(one: Recorded, metric: str) -> Curve:
    scored = [report for report in one.reports if metric in report.metrics]
    return Curve(
        one.trial.number,
        [report.epoch for report in scored],
        [report.metrics[metric] for report in scored],
        one.finish.outcome if one.finish else None,
        bool(one.trial.confirms),
    )


def timeline(subject: Subject) -> Timeline:
    """When each trial ran. A trial that has not ended is drawn to its last report."""
    trials = sorted(subject.recorded, key=lambda one: (one.started, one.trial.number))
    begin = min((one.started for one in trials), default=0)
    spans = [((one.started - begin) / _HOUR, (_end(one) - begin) / _HOUR) for one in trials]
    return Timeline(
        [
            Bar(
                one.trial.number, subject.cells[one.trial.cell], slot, *span,
                one.finish.outcome if one.finish else None, one.trial.attempt, bool(one.trial.confirms),
            )
            for one, span, slot in zip(trials, spans, slots(spans), strict=True)
        ]
    )  # fmt: skip


def _end(one: Recorded) -> int:
    last = max(one.times, default=one.started)
    return last if one.finish is None or one.ended is None else max(one.ended, last)


def slots(spans: Sequence[tuple[float, float]]) -> list[int]:
    """A worker for each span, from 0: the first that is free again. `spans` are by their begin.

    The record does not say on which worker a trial ran, but it needs as many as ran at once.
    """
    free: list[float] = []
    found = []
    for begin, end in spans:
        slot = next((k for k, since in enumerate(free) if since <= begin), len(free))
        free[slot : slot + 1] = [end]
        found.append(slot)
    return found


def saved(subject: Subject, cell: int) -> float:
    """Epochs of a cell that ASHA saved: those that the trials it stopped would still have had."""
    searched = (one for one in subject.searched if one.trial.cell == cell and one.finish)
    stopped = [one for one in searched if one.finish and one.finish.outcome == Outcome.STOPPED_EARLY]
    spared = sum(one.trial.config.reports - len(one.reports) for one in stopped)
    return spared / subject.spec.validations_per_epoch


def elapsed(subject: Subject) -> float:
    """Hours from the first start to the last end, pauses included."""
    begin = min((one.started for one in subject.recorded), default=0)
    return (max((_end(one) for one in subject.recorded), default=begin) - begin) / _HOUR
