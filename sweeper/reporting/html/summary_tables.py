"""The sections that are tables: how trials ended, what they cost, each of them, and what all of it was run with."""

from collections.abc import Mapping

from sweeper.reporting.html import learning_curves, methods_text, timeline
from sweeper.reporting.html.html_elements import ReportSection, code, collapsible, paragraph, table
from sweeper.reporting.html.report_data import ReportData, format_params, format_score

_LISTED = 20  # trials that did not end well and are not folded away


def endings(subject: ReportData) -> ReportSection:
    """How many trials ended how, and why those did that did not end well."""
    bad = methods_text.endings(subject)
    parts = [paragraph(f"Of the search: {methods_text.counts(subject)}.")] if subject.searched else []
    if bad:
        listed = table(["trial", "cell", "ended as", "why"], bad, "nwwt")
        parts.append(listed if len(bad) <= _LISTED else collapsible(f"{len(bad)} that did not end well", listed))
    return ReportSection("endings", "How trials ended", parts or [paragraph("No trial began.")])


def cost(subject: ReportData) -> ReportSection:
    """Epochs and hours of each cell, in the search and with fresh seeds, and what early stopping saved."""
    head = ["cell", "trials", "epochs", "hours", f"epochs saved by {subject.spec.early_stopping_label}", "fresh seeds", "epochs", "hours"]
    rows = [_cost_row(subject, system) for system in range(len(subject.systems))]
    totals = [f"{sum(float(row[k]) for row in rows):g}" for k in range(1, len(head))]
    threads, gpu = subject.results.threads, subject.results.gpu
    about = paragraph(
        f"Hours are of training and validation, summed over trials; CPU threads of a trial: {threads}, GPUs: {gpu:g}. "
        f"From the first start to the last end, pauses included, it took {timeline.elapsed(subject):.2f} hours."
    )
    return ReportSection("cost", "What it cost", [table(head, [*rows, ["all", *totals]], "wnnnnnnn"), about])


def _cost_row(subject: ReportData, system: int) -> list[str]:
    result = subject.results.systems[system]
    confirmation = result.confirmation
    confirming = (confirmation.epochs, confirmation.hours) if confirmation else (0.0, 0.0)
    seeds = sum(one.trial.system == system for one in subject.confirming)
    saved = learning_curves.epochs_saved(subject, system)
    searched = [str(result.num_trials), f"{result.epochs:g}", f"{result.hours:.2f}", f"{saved:g}"]
    return [subject.systems[system], *searched, str(seeds), f"{confirming[0]:g}", f"{confirming[1]:.2f}"]


def trials(subject: ReportData) -> ReportSection:
    """Every trial in a line: what the pictures show, for who cannot see them."""
    head = ["trial", "cell", "ended as", "best score", "epochs", "attempts", "seed", "setting"]
    rows = [
        [
            one.trial.number, subject.systems[one.trial.system],
            one.end.outcome.label if one.end else "not ended", format_score(subject.score(one)),
            f"{one.reports[-1].epoch:g}" if one.reports else "0", one.trial.attempt, one.trial.config.seed,
            (f"confirms {one.trial.source_trial}: " if one.trial.source_trial else "") + format_params(subject.tuned(one)),
        ]
        for one in subject.recorded
    ]  # fmt: skip
    return ReportSection("trials", "Every trial", [collapsible(f"{len(rows)} trials", table(head, rows, "nwwnnnnt"))])


def resolved(facts: Mapping[str, str], yaml: str) -> ReportSection:
    """The search space with its defaults, and versions and revisions."""
    about = table(["what", "version or revision"], list(facts.items()), "ww")
    return ReportSection(
        "resolved", "Search space, versions, revisions", [collapsible("the search space", code(yaml)), about]
    )
