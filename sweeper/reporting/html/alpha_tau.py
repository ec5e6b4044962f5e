"""The figures of trials by alpha and tau."""

from collections.abc import Sequence

from sweeper.reporting.html.figure_data import AlphaTauFigure, AlphaTauPoint
from sweeper.reporting.html.report_data import ReportData
from sweeper.reporting.html.search_figures import joint_range, known_scores
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.trial import TrialRecord


def build_alpha_tau(report: ReportData) -> list[AlphaTauFigure]:
    """Return a figure for each system in which both alpha and tau vary. All figures have the same scales."""
    points_of = {name: _points(report, report.search_records_of(system)) for system, name in enumerate(report.systems)}
    points_of = {name: points for name, points in points_of.items() if _both_vary(points)}
    if not points_of:
        return []
    scores = known_scores([point.score for points in points_of.values() for point in points])
    score_range = min(scores, default=0), max(scores, default=1)
    tau_range, alpha_range = _searched_range(report.spec, "tau"), _searched_range(report.spec, "alpha")
    metric = report.spec.objective.metric
    return [
        AlphaTauFigure(name, metric, points, score_range, tau_range, alpha_range, report.higher_is_better)
        for name, points in points_of.items()
    ]


def _points(report: ReportData, records: Sequence[TrialRecord]) -> list[AlphaTauPoint]:
    """Return the trials that have both an alpha and a tau."""
    points = []
    for record in records:
        tau, alpha = record.trial.params.get("tau"), record.trial.params.get("alpha")
        if isinstance(tau, (int, float)) and isinstance(alpha, (int, float)):
            outcome = record.outcome
            points.append(AlphaTauPoint(record.trial.number, float(tau), float(alpha), report.score(record), outcome))
    return points


def _both_vary(points: Sequence[AlphaTauPoint]) -> bool:
    return len({point.tau for point in points}) > 1 and len({point.alpha for point in points}) > 1


def _searched_range(spec: SweepSpec, name: str) -> tuple[float, float]:
    """Return the range in which a hyperparameter was searched, over all its branches."""
    hyperparameters = [
        hyperparameter for hyperparameter in spec.space.searched_hyperparameters() if hyperparameter.name == name
    ]
    return joint_range([branch.domain for hyperparameter in hyperparameters for branch in hyperparameter.branches])
