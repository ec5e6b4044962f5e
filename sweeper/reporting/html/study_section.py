"""The section on study variance: whether another search would have had another winner."""

from sweeper.reporting.html.html_elements import ReportSection, paragraph, table
from sweeper.reporting.html.report_data import ReportData, format_score


def study_section(report: ReportData) -> ReportSection:
    """Return how often each system would have won, had its search drawn other trials."""
    heading, found = "Would another search have had another winner?", report.results.study_variance
    if sum(study is not None for study in found) < 2:
        return ReportSection("study", heading, [paragraph("That takes two systems with a score.")])
    rows = [
        [name, f"{study.win_share:.0%}", format_score(study.mean), format_score(study.sd), str(study.trials)]
        if study is not None
        else [name, *["–"] * 4]
        for name, study in zip(report.systems, found, strict=True)
    ]
    note = paragraph(
        "The trials of each system are drawn again from those it had, with replacement. The best of each draw is taken "
        "as it would do with fresh seeds: its validation score less the optimism of its system's search. The table has "
        "the share of such searches that each system wins, and how much its best score varies between them. A redrawn "
        "search never finds a better setting than this one did, fresh seeds and test texts do not vary here, and the "
        "trials of a sampler depend on each other: with few trials, read the shares as rough."
    )
    heads = ["system", "wins", report.spec.objective.metric, "sd over searches", "trials"]
    return ReportSection("study", heading, [note, table(heads, rows, "wnnnn")])
