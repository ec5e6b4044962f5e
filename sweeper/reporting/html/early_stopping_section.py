"""The section on early stopping: what it saved, and an audit of what it may have cost."""

from sweeper.reporting.html.early_stopping_audit import Audit, audit_early_stopping
from sweeper.reporting.html.html_elements import ReportSection, paragraph
from sweeper.reporting.html.learning_curves import count_saved_epochs
from sweeper.reporting.html.report_data import ReportData
from sweeper.wording import count_noun, format_epoch


def early_stopping_section(report: ReportData) -> ReportSection:
    """Return the epochs that early stopping saved, and how many stopped trials would have won."""
    heading, label = "Early stopping: what it saved, and at what risk", report.spec.early_stopping_label
    ends = [record.end for record in report.search_records if record.end]
    stopped = [end for end in ends if end.is_by_early_stopping]
    by_user = _describe_stops_by_user(sum(end.is_by_user for end in ends))
    if not stopped:
        nothing = "Early stopping stopped no trial." if report.spec.rungs else "There was no early stopping."
        return ReportSection("stopping", heading, [paragraph(f"{nothing}{by_user}")])
    saved_epochs = sum(count_saved_epochs(report, system) for system in range(len(report.systems)))
    planned_epochs = saved_epochs + sum(system.epochs for system in report.results.systems)
    rule = label[0].upper() + label[1:]
    savings = (
        f"{rule} stopped {len(stopped)} of {count_noun(len(report.search_records), 'trial')}, and saved "
        f"{format_epoch(saved_epochs)} of {format_epoch(planned_epochs)} epochs "
        f"({saved_epochs / planned_epochs:.0%}).{by_user}"
    )
    texts = [savings, _describe_brackets(report), _describe_audit(report, len(stopped))]
    return ReportSection("stopping", heading, [paragraph(text) for text in texts if text])


def _describe_brackets(report: ReportData) -> str:
    """Return how many trials each bracket stopped, and from which epoch on; nothing without brackets."""
    parts = []
    for bracket, rungs in report.spec.brackets.items() if len(report.spec.brackets) > 1 else ():
        ends = [record.end for record in report.search_records if record.end and record.trial.bracket == bracket]
        stopped = sum(end.is_by_early_stopping for end in ends)
        first = f"from epoch {format_epoch(rungs[0] / report.spec.validations_per_epoch)} on" if rungs else "at no time"
        parts.append(f"bracket {bracket}, which decides {first}, stopped {stopped} of {count_noun(len(ends), 'trial')}")
    return f"Trials are compared within their bracket: {'; '.join(parts)}." if parts else ""


def _describe_stops_by_user(count: int) -> str:
    """Return a sentence on the trials that a user stopped, which are no decisions of early stopping."""
    if not count:
        return ""
    return f" The user stopped {count_noun(count, 'trial')}, which {'is' if count == 1 else 'are'} not counted here."


def _name_survivors(report: ReportData) -> str:
    """Return the completed trials that early stopping had judged, as the subject of a sentence."""
    return "These" if all(report.spec.brackets.values()) else "Those of a bracket that decides"


def _describe_audit(report: ReportData, num_stopped: int) -> str:
    """Return the audit in words. `num_stopped` trials were stopped, and it may leave some of them out."""
    audit = audit_early_stopping(report)
    if isinstance(audit, str):
        return f"Whether a stopped trial would have won cannot be estimated: {audit}."
    estimate, survivors = _describe_estimate(audit, num_stopped), _name_survivors(report)
    is_one = audit.stopped == 1
    return (
        f"{estimate} {'It' if is_one else 'Each stopped trial'} is given the further gains of the {audit.completed} "
        f"completed trials, drawn at random. {survivors} survived early stopping, so they may have gained "
        f"more than the stopped {'one' if is_one else 'ones'} would have: read the estimate as an upper end."
    )


def _describe_estimate(audit: Audit, num_stopped: int) -> str:
    """Return how many of the stopped trials would have won, as a sentence."""
    condition = "" if audit.stopped == num_stopped else " with a score and a completed trial in the same system"
    if audit.stopped == 1:
        return (
            f"The probability that the one stopped trial{condition} would have beaten the best trial of its system is "
            f"{audit.at_least_one:.0%}."
        )
    return (
        f"Of the {audit.stopped} stopped trials{condition}, an estimated {audit.expected:.1f} (90 % interval "
        f"{audit.low:g} to {audit.high:g}) would have beaten the best trial of their system; the probability that at "
        f"least one would have is {audit.at_least_one:.0%}."
    )
