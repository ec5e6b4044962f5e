"""The section on study variance: whether another search would have had another winner."""

from sweeper.protocol.study_variance import deducts_optimism
from sweeper.reporting.html.html_elements import ReportSection, paragraph, table
from sweeper.reporting.html.report_data import ReportData, format_page_score


def study_section(report: ReportData) -> ReportSection:
    """Return how often each system would have won, had its search drawn other trials."""
    heading, variance = "Would another search have had another winner?", report.results.study_variance
    deducts = deducts_optimism(report.results)
    if sum(study is not None for study in variance) < 2:
        needed = "a score from fresh seeds" if deducts else "a score"
        return ReportSection("study", heading, [paragraph(f"That takes two systems with {needed}.")])
    rows = [
        [name, f"{study.win_share:.0%}", format_page_score(study.mean), format_page_score(study.sd), str(study.trials)]
        if study is not None
        else [name, *["–"] * 4]
        for name, study in zip(report.systems, variance, strict=True)
    ]
    note = paragraph(
        "The trials of each system are drawn again from those it had, with replacement. The best of each draw "
        f"{_describe_score(report)} The table has the share of such searches that each system wins, and how much its "
        "best score varies between them. A redrawn search never finds a better setting than this one did, fresh seeds "
        "and test texts do not vary here, and the trials of a sampler depend on each other: with few trials, read the "
        "shares as rough."
    )
    heads = ["system", "wins", report.spec.objective.metric, "sd over searches", "trials"]
    return ReportSection("study", heading, [note, table(heads, rows, "wnnnn")])


def _describe_score(report: ReportData) -> str:
    """Return what the best of a draw is worth, and which systems are left out, for `The best of each draw ...`."""
    if not deducts_optimism(report.results):
        return "is taken at its validation score: no fresh seeds have measured how optimistic the searches were."
    pairs = zip(report.results.systems, report.results.study_variance, strict=True)
    omits = any(system.best is not None and study is None for system, study in pairs)
    omitted = " Systems without a score from fresh seeds, whose optimism is not known, are left out." if omits else ""
    corrected = "its validation score, corrected for the optimism of its system's search"
    return f"is taken as it would do with fresh seeds: {corrected}.{omitted}"
