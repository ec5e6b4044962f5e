"""The sections of a report, in the order of a reader's interest. One that has nothing to show says so, and why."""

from collections.abc import Mapping, Sequence

from sweeper.protocol.hyperparameter_importance import Importance
from sweeper.reporting.html import (
    error_analysis,
    learning_curves,
    methods_text,
    search_figures,
    summary_tables,
    timeline,
)
from sweeper.reporting.html.figure_data import Figure, Importances
from sweeper.reporting.html.html_elements import (
    FigureGroup,
    Html,
    ReportSection,
    items,
    paragraph,
    quotes,
    scrollable,
    table,
)
from sweeper.reporting.html.report_data import ReportData, format_params, format_score
from sweeper.training.types import Predictions

ERRORS = 20  # of the winner that are shown


def sections(
    subject: ReportData, top: Html, importances: Mapping[int, Sequence[Importance]], facts: Mapping[str, str], yaml: str
) -> list[ReportSection]:
    """All of the report: `top` is the table, `importances` are those of each cell that has some, `facts` what is worth
    knowing of versions and revisions, `yaml` the search space as it was resolved.
    """
    return [
        _results(subject, top),
        _optimism(subject),
        _parallel(subject),
        _importance(subject, importances),
        _maps(subject),
        _curves(subject),
        _timeline(subject),
        _expected(subject),
        _confusion(subject),
        _errors(subject),
        summary_tables.endings(subject),
        summary_tables.cost(subject),
        summary_tables.trials(subject),
        summary_tables.resolved(facts, yaml),
    ]


def _results(subject: ReportData, top: Html) -> ReportSection:
    open_ = [paragraph(line, kind="notice") for line in methods_text.warnings(subject)]
    return ReportSection("results", "Results", [*open_, scrollable(top), items(methods_text.methods(subject))])


def _optimism(subject: ReportData) -> ReportSection:
    drawn = search_figures.optimism(subject)
    caption = (
        "Each row is a cell. The diamond is what the search found, chosen because it was the best; the circles are "
        "fresh seeds of the same setting on the same texts. How far the diamond lies from their middle was luck."
    )
    pictures: list[Html | FigureGroup] = [FigureGroup([drawn], caption)] if drawn.rows else []
    heads = ["cell", "search", "fresh seeds", "sd", "optimism", "seeds", "trial", "setting"]
    rows = [_optimism_row(subject, system) for system in range(len(subject.systems))]
    return ReportSection("optimism", "Selection optimism", [*pictures, table(heads, rows, "wnnnnnnt")])


def _optimism_row(subject: ReportData, system: int) -> list[str]:
    """What the search found in a cell and what fresh seeds gave, on validation."""
    result = subject.results.systems[system]
    best, confirmation = result.best, result.confirmation
    name = subject.systems[system]
    if best is None:
        return [name, *["–"] * 6, "no trial came to a validation"]
    if confirmation is None:
        note = "" if best.completed else "not completed, came furthest: "
        return [name, format_score(best.mean), *["–"] * 4, str(best.trial), note + format_params(best.params)]
    optimism = "–" if confirmation.optimism is None else f"{confirmation.optimism:+.4f}"
    scored = sum(bool(seed.metrics) for seed in confirmation.seeds)
    scores = [format_score(score) for score in (confirmation.search_mean, confirmation.mean, confirmation.sd)]
    counts = [f"{scored} of {confirmation.planned_seeds}", str(confirmation.source_trial)]
    return [name, *scores, optimism, *counts, format_params(confirmation.params)]


def _parallel(subject: ReportData) -> ReportSection:
    caption = (
        "Every trial of the search is a line through its values, blue where its best score is good, orange where it is "
        "poor. Drag along an axis to pick trials out; click it to undo. “none”: a knob did not apply, or no score."
    )
    drawn = search_figures.parallel(subject)
    return _drawn("settings", "Settings that were tried", [drawn] if drawn.scores else [], caption, "No trial began.")


def _importance(subject: ReportData, importances: Mapping[int, Sequence[Importance]]) -> ReportSection:
    systems = [(system, importances.get(system, ())) for system in range(len(subject.systems))]
    caption = (
        "The share of each knob in what tells the best third of a cell's trials from all of them (PED-ANOVA; a trial "
        "that was stopped early counts with the score that it had). The red mark is the most that the knob got in 19 "
        "times that the scores were dealt out at random: a grey bar, which ends before its mark, says nothing."
    )
    figures = [Importances(subject.systems[system], found) for system, found in systems if found]
    few = [subject.systems[system] for system, found in systems if not found]
    section = _drawn("importance", "Which knobs mattered", figures, caption)
    note = [paragraph(f"Too few trials to tell, or nothing that varies: {', '.join(few)}.")] if few else []
    return ReportSection(section.name, section.heading, [*section.components, *note])


def _maps(subject: ReportData) -> ReportSection:
    caption = (
        "Where alpha (the share of cross entropy) and tau (the temperature) were tried, and how well each trial did. "
        "Trials that diverged or collapsed have a sign and a colour of their own: where these are is to be avoided."
    )
    return _drawn(
        "maps", "Alpha and tau", search_figures.alpha_tau_maps(subject), caption, "No cell searched both alpha and tau."
    )


def _curves(subject: ReportData) -> ReportSection:
    caption = (
        "Every trial, validation by validation; the sign at the end says how it ended. Dotted uprights are the epochs "
        f"after which {subject.spec.early_stopping_label} could stop a trial. Dotted lines are fresh seeds of the chosen "
        "setting, which nothing stops."
    )
    return _drawn(
        "curves", "Learning curves", learning_curves.learning_curves(subject), caption, "No trial came to a validation."
    )


def _timeline(subject: ReportData) -> ReportSection:
    caption = (
        "When each trial ran, and beside which others; colours are how it ended. Hatched trials lost a worker or were "
        "cut off, and went on; dotted ones confirm. Rows are inferred from starts and ends, as no worker is on record. "
        "Long pauses are cut out, at dashed uprights."
    )
    drawn = timeline.timeline(subject)
    return _drawn("timeline", "Trials on workers", [drawn] if drawn.bars else [], caption, "No trial began.")


def _expected(subject: ReportData) -> ReportSection:
    caption = (
        "The best score to expect of a search with so many trials, drawn from those that were run (Dodge et al. 2019). "
        "A curve that is still steep at its end says that the budget was too small; one that crosses another, that the "
        "order of the two hangs on the budget."
    )
    drawn = search_figures.expected_best_curves(subject)
    nothing = "No trial has a score."
    return _drawn("expected", "Was the budget enough?", [drawn] if drawn.lines else [], caption, nothing)


def _confusion(subject: ReportData) -> ReportSection:
    parts = list[Html | FigureGroup]()
    if subject.champion is not None:
        system = subject.champion.trial.system
        split, found = _answers(subject, system)
        title = f"{subject.systems[system]}, {split}"
        caption = (
            f"The winner by validation on the {split} split, {len(found)} seeds together: the share of each true class "
            "(a row) that was taken for each class (a column)."
        )
        if found:
            parts.append(
                FigureGroup([error_analysis.confusion_figure(subject.labels, list(found.values()), title)], caption)
            )
    learned = error_analysis.class_weights_figure(subject)
    if learned:
        caption = (
            "What LCL learned: the mean weight that its weighting network gave each class (a column) for texts of each "
            "true class (a row), on validation. Classes that it takes for alike have large weights off the diagonal."
        )
        parts.append(FigureGroup(learned, caption))
    nothing = "No confirmed model's answers are kept, so there is nothing to show."
    return ReportSection("confusion", "What the winner confuses", parts or [paragraph(nothing)])


def _answers(subject: ReportData, system: int) -> tuple[str, dict[int, Predictions]]:
    test = error_analysis.of_seeds(subject.seeds(system), subject.answered.test)
    return (
        ("test", test)
        if test
        else ("validation", error_analysis.of_seeds(subject.seeds(system), subject.answered.validation))
    )


def _errors(subject: ReportData) -> ReportSection:
    heading = "Sure and wrong"
    trial = subject.champion.trial.number if subject.champion else 0
    found, texts = subject.answered.validation.get(trial), subject.answered.texts
    if found is None:
        return ReportSection("errors", heading, [paragraph("No confirmed model's answers are kept.")])
    wrong = error_analysis.confident_errors(subject.labels, found, ERRORS)
    if texts is not None and len(texts) != len(found.labels):
        texts = None
    about = paragraph(
        f"The {len(wrong)} validation texts that the winner's best seed (trial {trial}) is surest of, and wrong about. "
        "Some of them are errors of the labels."
    )
    untold = [paragraph(subject.answered.untold)] if subject.answered.untold else []
    entries = [
        (texts[one.row] if texts else f"row {one.row}", f"{one.true}, taken for {one.taken} ({one.probability:.3f})")
        for one in wrong
    ]
    return ReportSection("errors", heading, [about, *untold, quotes(entries)])


def _drawn(name: str, heading: str, figures: Sequence[Figure], caption: str, nothing: str = "") -> ReportSection:
    """A section of pictures; where there are none, it says so."""
    found: list[Html | FigureGroup] = [FigureGroup(figures, caption)] if figures else []
    return ReportSection(name, heading, found or ([paragraph(nothing)] if nothing else []))
