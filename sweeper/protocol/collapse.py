"""Decides whether a trial collapsed, or never had a finite score. The trainer alone cannot know either."""

from sweeper.protocol.ranking import best_report
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd, TrialRecord

ONE_CLASS = 0.98  # share of the validation texts with the same predicted class from which a trial counts as collapsed
_LARGEST_CLASS = "validation/largest_class"


def check_collapse(spec: SweepSpec, record: TrialRecord, step: int) -> TrialEnd | None:
    """Return the end of a trial that has collapsed at its report `step`; None if it may continue.

    A trial has collapsed if the last two validations after the grace epochs both predicted (nearly) one class only.
    """
    reports = [report for report in record.reports if report.step <= step]  # a report sent again has later ones
    judged = [report for report in reports if _LARGEST_CLASS in report.metrics][spec.grace_validations :]
    if len(judged) < 2 or not all(map(predicts_one_class, judged[-2:])):
        return None
    return TrialEnd(Outcome.COLLAPSED, f"predicts one class for {ONE_CLASS:.0%} of the texts, twice in a row")


def decide_final_end(spec: SweepSpec, record: TrialRecord) -> TrialEnd:
    """Return the end of a trial whose training has run to its end: completed, diverged or collapsed."""
    report = best_report(spec, record)
    if report is None:
        return TrialEnd(Outcome.DIVERGED, f"{spec.objective.metric} was never finite")
    if predicts_one_class(report):
        reason = f"predicts one class for {ONE_CLASS:.0%} of the texts, at its best validation too"
        return TrialEnd(Outcome.COLLAPSED, reason)
    return TrialEnd(Outcome.COMPLETED)


def predicts_one_class(report: ValidationReport) -> bool:
    """Return True if (nearly) all predictions are one class, and not because nearly all texts are of that class."""
    limit = min(1.0, max(ONE_CLASS, report.metrics.get("validation/majority", 0) + 0.01))
    return report.metrics.get(_LARGEST_CLASS, 0) >= limit
