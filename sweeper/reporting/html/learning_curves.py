"""The learning curves of trials, and the epochs that early stopping saved."""

from sweeper.reporting.html.figure_data import LearningCurve, LearningCurvesFigure
from sweeper.reporting.html.report_data import ReportData
from sweeper.trials.trial import TrialRecord


def build_learning_curves(report: ReportData) -> list[LearningCurvesFigure]:
    """Return the learning curves of each system, in the search and in confirmation."""
    spec = report.spec
    rungs = [rung / spec.validations_per_epoch for rung in spec.rungs]
    figures = []
    for system, name in enumerate(report.systems):
        records = [record for record in report.records if record.trial.system == system]
        curves = [_build_curve(record, spec.objective.metric) for record in records]
        figures.append(
            LearningCurvesFigure(name, spec.objective.metric, [curve for curve in curves if curve.epochs], rungs)
        )
    return [figure for figure in figures if figure.curves]


def _build_curve(record: TrialRecord, metric: str) -> LearningCurve:
    scored = [report for report in record.reports if metric in report.metrics]
    return LearningCurve(
        record.trial.number,
        [report.epoch for report in scored],
        [report.metrics[metric] for report in scored],
        record.outcome,
        not record.trial.is_of_search,
    )


def count_saved_epochs(report: ReportData, system: int) -> float:
    """Return the epochs that the trials of a system did not run because early stopping stopped them."""
    records = report.search_records_of(system)
    stopped = [record for record in records if record.end and record.end.is_by_early_stopping]
    skipped = sum(record.trial.config.num_validations - len(record.reports) for record in stopped)
    return skipped / report.spec.validations_per_epoch
