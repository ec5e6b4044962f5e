"""How the trials of a sweep went, and what it saved to stop some of them early."""

from sweeper.reporting.html.figure_data import Curve, Curves
from sweeper.reporting.html.report_data import ReportData
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord


def learning_curves(subject: ReportData) -> list[Curves]:
    """How the trials of each cell went, those that confirm it too."""
    spec = subject.spec
    rungs = [rung / spec.validations_per_epoch for rung in spec.rungs]
    found = []
    for system, name in enumerate(subject.systems):
        drawn = [_curve(one, spec.objective.metric) for one in subject.recorded if one.trial.system == system]
        found.append(Curves(name, spec.objective.metric, [curve for curve in drawn if curve.epochs], rungs))
    return [one for one in found if one.curves]


def _curve(one: TrialRecord, metric: str) -> Curve:
    scored = [report for report in one.reports if metric in report.metrics]
    return Curve(
        one.trial.number,
        [report.epoch for report in scored],
        [report.metrics[metric] for report in scored],
        one.end.outcome if one.end else None,
        bool(one.trial.source_trial),
    )


def epochs_saved(subject: ReportData, system: int) -> float:
    """Epochs of a cell that ASHA saved: those that the trials it stopped would still have had."""
    searched = (one for one in subject.searched if one.trial.system == system and one.end)
    stopped = [one for one in searched if one.end and one.end.outcome == Outcome.STOPPED_EARLY]
    spared = sum(one.trial.config.num_validations - len(one.reports) for one in stopped)
    return spared / subject.spec.validations_per_epoch
