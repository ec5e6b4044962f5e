"""What the trainer cannot know of a trial: that it collapsed, or was never finite."""

from sweeper.outcome import Outcome
from sweeper.ranking import best_report
from sweeper.spec import SweepSpec
from sweeper.values import Finish, Recorded, Report

ONE_CLASS = 0.98  # share of the validation texts; a trial that gives so many one and the same class has collapsed
_LARGEST = "validation/largest_class"


def early(spec: SweepSpec, recorded: Recorded, step: int) -> Finish | None:
    """How a trial ends now, after its report of `step`; None where it may go on.

    It has collapsed where the last two validations past the grace epochs both gave (nearly) all texts one class.
    """
    told = [report for report in recorded.reports if report.step <= step]  # one that is sent again has later ones
    judged = [report for report in told if _LARGEST in report.metrics][spec.grace :]
    if len(judged) < 2 or not all(map(one_class, judged[-2:])):
        return None
    return Finish(Outcome.COLLAPSED, f"gives {ONE_CLASS:.0%} of the texts one class, twice running")


def final(spec: SweepSpec, recorded: Recorded) -> Finish:
    """How a trial ends whose training came to its end."""
    report = best_report(spec, recorded)
    if report is None:
        return Finish(Outcome.DIVERGED, f"{spec.objective.metric} was never finite")
    if one_class(report):
        return Finish(Outcome.COLLAPSED, f"gives {ONE_CLASS:.0%} of the texts one class, at its best validation too")
    return Finish(Outcome.COMPLETED)


def one_class(report: Report) -> bool:
    """Whether (nearly) all texts were given one class, and not because nearly all are of one."""
    most = min(1.0, max(ONE_CLASS, report.metrics.get("validation/majority", 0) + 0.01))
    return report.metrics.get(_LARGEST, 0) >= most
