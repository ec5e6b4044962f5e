"""How the trials of a sweep went, and what it saved to stop some of them early."""

from sweeper.outcome import Outcome
from sweeper.report.figures import Curve, Curves
from sweeper.report.subject import Subject
from sweeper.values import Recorded


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


def saved(subject: Subject, cell: int) -> float:
    """Epochs of a cell that ASHA saved: those that the trials it stopped would still have had."""
    searched = (one for one in subject.searched if one.trial.cell == cell and one.finish)
    stopped = [one for one in searched if one.finish and one.finish.outcome == Outcome.STOPPED_EARLY]
    spared = sum(one.trial.config.reports - len(one.reports) for one in stopped)
    return spared / subject.spec.validations_per_epoch
