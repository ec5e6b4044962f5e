"""What the trainer cannot know of a trial: that it collapsed, or was never finite."""

from sweeper.protocol.ranking import best_report
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd, TrialRecord

ONE_CLASS = 0.98  # share of the validation texts; a trial that gives so many one and the same class has collapsed
_LARGEST = "validation/largest_class"


def check_collapse(spec: SweepSpec, recorded: TrialRecord, step: int) -> TrialEnd | None:
    """How a trial ends now, after its report of `step`; None where it may go on.

    It has collapsed where the last two validations past the grace epochs both gave (nearly) all texts one class.
    """
    told = [report for report in recorded.reports if report.step <= step]  # one that is sent again has later ones
    judged = [report for report in told if _LARGEST in report.metrics][spec.grace_validations :]
    if len(judged) < 2 or not all(map(predicts_one_class, judged[-2:])):
        return None
    return TrialEnd(Outcome.COLLAPSED, f"gives {ONE_CLASS:.0%} of the texts one class, twice running")


def final_outcome(spec: SweepSpec, recorded: TrialRecord) -> TrialEnd:
    """How a trial ends whose training came to its end."""
    report = best_report(spec, recorded)
    if report is None:
        return TrialEnd(Outcome.DIVERGED, f"{spec.objective.metric} was never finite")
    if predicts_one_class(report):
        return TrialEnd(Outcome.COLLAPSED, f"gives {ONE_CLASS:.0%} of the texts one class, at its best validation too")
    return TrialEnd(Outcome.COMPLETED)


def predicts_one_class(report: ValidationReport) -> bool:
    """Whether (nearly) all texts were given one class, and not because nearly all are of one."""
    most = min(1.0, max(ONE_CLASS, report.metrics.get("validation/majority", 0) + 0.01))
    return report.metrics.get(_LARGEST, 0) >= most
