"""The sections that are figures of the search, with their captions."""

from collections.abc import Mapping, Sequence

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.reporting.html.alpha_tau import build_alpha_tau
from sweeper.reporting.html.expected_best import build_expected_best
from sweeper.reporting.html.figure_data import Figure, ImportanceFigure
from sweeper.reporting.html.html_elements import FigureGroup, ReportSection, paragraph
from sweeper.reporting.html.learning_curves import build_learning_curves
from sweeper.reporting.html.report_data import ReportData
from sweeper.reporting.html.search_figures import MIN_PAIR_TRIALS, build_pairs, build_parallel, build_slices
from sweeper.reporting.html.timeline import build_timeline
from sweeper.reporting.templates.environment import Html

_NOTHING_VARIES = "No hyperparameter has two values with a score yet."
_NO_PAIRS = f"This needs two hyperparameters that vary, and {MIN_PAIR_TRIALS} trials with a score."


def parallel_section(report: ReportData) -> ReportSection:
    """Return parallel coordinates of every search trial."""
    caption = (
        "Every trial of the search is a line through its values, blue if its best score is good, orange if it is poor. "
        "Point at a line to see its values. “none”: the hyperparameter was inactive, or the trial has no score."
    )
    figure = build_parallel(report)
    figures = [figure] if figure.scores else []
    return _figure_section("settings", "Settings that were tried", figures, caption, "No trial has started.")


def importance_section(report: ReportData, importances: Mapping[int, Sequence[Importance]]) -> ReportSection:
    """Return the importance of hyperparameters, by index of the system."""
    caption = (
        "The share of each hyperparameter in the difference between the best third of a system's trials and all of "
        "them (PED-ANOVA). A trial that was stopped early counts with the score that it had. The red mark is the "
        "largest share that the hyperparameter got when the scores were shuffled, 19 times: a grey bar, which ends "
        "before its mark, means nothing."
    )
    figures, unknown = [], []
    for system, name in enumerate(report.systems):
        if importances.get(system):
            figures.append(ImportanceFigure(name, importances[system]))
        else:
            unknown.append(name)
    section = _figure_section("importance", "Importance of hyperparameters", figures, caption)
    note = [paragraph(f"Too few trials, or nothing that varies: {', '.join(unknown)}.")] if unknown else []
    return ReportSection(section.name, section.heading, [*section.components, *note])


def alpha_tau_section(report: ReportData) -> ReportSection:
    """Return the trials by alpha and tau."""
    caption = (
        "The values of alpha (the share of cross entropy) and tau (the temperature) that were tried, and the score of "
        "each trial. Trials that diverged or collapsed have their own symbol and color: avoid the regions where they "
        "are."
    )
    absent = "No system searched both alpha and tau."
    return _figure_section("maps", "Alpha and tau", build_alpha_tau(report), caption, absent)


def slices_section(report: ReportData) -> ReportSection:
    """Return each hyperparameter against the score."""
    good = "hill" if report.higher_is_better else "valley"
    caption = (
        f"The best score of each trial of the search by one hyperparameter at a time. A slope or a {good} that all "
        "systems share is a region worth searching next; if the best trials lie at an end of an axis, widen its range."
    )
    return _figure_section("slices", "One hyperparameter at a time", build_slices(report), caption, _NOTHING_VARIES)


def pairs_section(report: ReportData) -> ReportSection:
    """Return the contour and the ranks of any two hyperparameters."""
    caption = (
        "Any two hyperparameters, which the menus choose, with all systems together. In the first figure, areas "
        "between the trials have the color of the scores around them; the grey dots are the trials. In the second, "
        "each trial has the color of its rank, 1 for the best, so that a few very poor trials do not hide the "
        "differences between good ones."
    )
    return _figure_section("pairs", "Two hyperparameters at a time", build_pairs(report), caption, _NO_PAIRS)


def curves_section(report: ReportData) -> ReportSection:
    """Return the learning curves of all trials."""
    caption = "Every trial, validation by validation; the symbol at its end is its outcome."
    if report.spec.rungs:
        rule = report.spec.early_stopping_label
        caption += f" Dotted vertical lines are the epochs after which {rule} could stop a trial."
    if report.confirmation_records:
        caption += " Dotted curves are fresh seeds of the chosen setting, which are never stopped early."
    absent = "No trial has reached a validation."
    return _figure_section("curves", "Learning curves", build_learning_curves(report), caption, absent)


def timeline_section(report: ReportData) -> ReportSection:
    """Return the timeline of all trials."""
    caption = (
        "The time at which each trial ran; its color is its outcome. Hatched trials lost a worker or were "
        "interrupted, and continued. Dotted trials are confirmation. The record does not name workers, so the rows "
        "are inferred from starts and ends. Long pauses are cut out, at dashed vertical lines; the longest "
        "has its length."
    )
    figure = build_timeline(report)
    figures = [figure] if figure.bars else []
    return _figure_section("timeline", "Trials on workers", figures, caption, "No trial has started.")


def expected_best_section(report: ReportData) -> ReportSection:
    """Return the expected best score against the number of trials."""
    caption = (
        "The expected best score of a search with so many trials, estimated from those that were run (Dodge et al. "
        "2019). A curve that is still steep at its end means that the budget was too small. If two curves cross, the "
        "order of their systems depends on the budget."
    )
    figure = build_expected_best(report)
    figures = [figure] if figure.curves else []
    return _figure_section("expected", "Was the budget enough?", figures, caption, "No trial has a score.")


def _figure_section(
    name: str, heading: str, figures: Sequence[Figure], caption: str, absent: str = ""
) -> ReportSection:
    """Return a section of figures. Without any figure it has the sentence `absent`."""
    groups: list[Html | FigureGroup] = [FigureGroup(figures, caption)] if figures else []
    return ReportSection(name, heading, groups or ([paragraph(absent)] if absent else []))
