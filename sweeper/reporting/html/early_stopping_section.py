"""The section on early stopping: what it saved, and an audit of what it may have cost."""

from sweeper.reporting.html.early_stopping_audit import MIN_CURVES, audit_early_stopping
from sweeper.reporting.html.html_elements import ReportSection, paragraph
from sweeper.reporting.html.learning_curves import count_saved_epochs
from sweeper.reporting.html.report_data import ReportData
from sweeper.wording import count_noun


def early_stopping_section(report: ReportData) -> ReportSection:
    """Return the epochs that early stopping saved, and how many stopped trials would have won."""
    heading, label = "Early stopping: what it saved, and at what risk", report.spec.early_stopping_label
    ends = [record.end for record in report.search_records if record.end]
    stopped = [end for end in ends if end.is_by_early_stopping]
    by_user = _describe_stops_by_user(sum(end.is_by_user for end in ends))
    if not stopped:
        return ReportSection("stopping", heading, [paragraph(f"No trial was stopped early.{by_user}")])
    saved = sum(count_saved_epochs(report, system) for system in range(len(report.systems)))
    run = sum(system.epochs for system in report.results.systems)
    savings = (
        f"{label} stopped {len(stopped)} of {count_noun(len(report.search_records), 'trial')}, and saved {saved:g} of "
        f"{saved + run:g} epochs ({saved / (saved + run):.0%}).{by_user}"
    )
    return ReportSection("stopping", heading, [paragraph(savings), paragraph(_describe_audit(report))])


def _describe_stops_by_user(count: int) -> str:
    """Return a sentence on the trials that a user stopped, which are no decisions of early stopping."""
    return (
        f" The user stopped {count_noun(count, 'trial')}, which {'is' if count == 1 else 'are'} not counted here."
        if count
        else ""
    )


def _describe_audit(report: ReportData) -> str:
    audit = audit_early_stopping(report)
    if audit is None:
        return f"Whether a stopped trial would have won cannot be estimated: fewer than {MIN_CURVES} trials completed."
    return (
        f"Of the {audit.stopped} stopped trials, an estimated {audit.expected:.1f} (90 % interval {audit.low:g} to "
        f"{audit.high:g}) would have beaten the best trial of their system; the probability that at least one would "
        f"have is {audit.at_least_one:.0%}. Each stopped trial is given the further gains of the {audit.completed} "
        "completed trials, drawn at random. These survived early stopping, so they may have gained more than the "
        "stopped ones would have: read the estimate as an upper end."
    )
