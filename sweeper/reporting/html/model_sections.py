"""The sections about the confirmed models: optimism, confusions, and confident errors."""

from sweeper.reporting.html.class_scores import build_calibration, pooled_calibration_error, score_classes
from sweeper.reporting.html.error_analysis import (
    build_class_weights,
    build_confusion,
    find_confident_errors,
)
from sweeper.reporting.html.html_elements import FigureGroup, Quote, ReportSection, paragraph, quote_list, table
from sweeper.reporting.html.report_data import ReportData, format_page_params, format_page_score
from sweeper.reporting.html.search_figures import build_optimism
from sweeper.reporting.templates.environment import Html
from sweeper.training.probability_metrics import NUM_BINS
from sweeper.wording import count_noun, name_absent_classes

MAX_ERRORS = 20  # confident errors that are shown
_NO_PREDICTIONS = "No predictions of confirmed models are stored."


def optimism_section(report: ReportData) -> ReportSection:
    """Return search scores beside the scores of fresh seeds."""
    top = report.spec.confirm.top
    by_shrunk_mean = " by its mean, shrunk towards its system's" if report.spec.race else ""
    chosen = (
        f"it was the best there{by_shrunk_mean}"
        if top == 1
        else f"it was one of the {top} best there, and fresh seeds chose it"
    )
    caption = (
        f"Each row is a system. The diamond is the score of the chosen setting in the search: {chosen}. The circles "
        "are fresh seeds of the same setting on the same texts. The distance from the diamond to the middle of the "
        "circles is optimism: the part of the search score that was luck."
    )
    figure = build_optimism(report)
    figures: list[Html | FigureGroup] = [FigureGroup([figure], caption)] if figure.rows else []
    heads = ["system", "search", "fresh seeds", "sd", "optimism", "seeds", "trial", "setting"]
    rows = [_optimism_row(report, system) for system in range(len(report.systems))]
    return ReportSection("optimism", "Optimism of the search", [*figures, table(heads, rows, "wnnnnnnt")])


def _optimism_row(report: ReportData, system: int) -> list[str]:
    """Return the validation scores of a system in the search and with fresh seeds."""
    result, name = report.results.systems[system], report.systems[system]
    best, confirmation = result.best, result.confirmation
    if best is None:
        return [name, *["–"] * 6, "no trial with a score has ended"]
    if confirmation is None:
        note = "" if best.completed else "no trial completed, this one came furthest: "
        return [name, format_page_score(best.mean), *["–"] * 4, str(best.trial), note + format_page_params(best.params)]
    optimism = "–" if confirmation.optimism is None else f"{confirmation.optimism:+.4f}"
    scored = sum(bool(seed.metrics) for seed in confirmation.models)
    scores = [format_page_score(score) for score in (confirmation.search_mean, confirmation.mean, confirmation.sd)]
    counts = [f"{scored} of {confirmation.planned_seeds}", str(confirmation.source_trial)]
    return [name, *scores, optimism, *counts, format_page_params(confirmation.params)]


def confusion_section(report: ReportData) -> ReportSection:
    """Return the confusions of the best system, and the class weights that LCL learned."""
    groups = list[Html | FigureGroup]()
    if report.best_record is not None:
        system = report.best_record.trial.system
        split, models = report.stored_predictions(system)
        seeds = count_noun(len(models), "seed")
        caption = (
            f"The best system by validation, on the {split} split, {seeds} together: the share of each "
            "true class (row) that was taken for each class (column)."
        )
        if models:
            figure = build_confusion(report.labels, list(models.values()), f"{report.systems[system]}, {split}")
            absent = name_absent_classes(split, report.labels, figure.counts.sum(axis=1).tolist())
            groups.append(FigureGroup([figure], f"{caption} {absent}".strip()))
    class_weights = build_class_weights(report)
    if class_weights:
        caption = (
            "The class weights that LCL learned: the mean weight that its weighting network gave each class (column) "
            "for texts of each true class (row), on validation. Classes that it finds similar have large weights off "
            "the diagonal."
        )
        groups.append(FigureGroup(class_weights, caption))
    return ReportSection("confusion", "Confusions of the best system", groups or [paragraph(_NO_PREDICTIONS)])


def classes_section(report: ReportData) -> ReportSection:
    """Return the scores of each class, and the calibration of the best system."""
    heading = "Each class, and how sure the model may be"
    system = report.best_record.trial.system if report.best_record else 0
    split, models = report.stored_predictions(system) if report.best_record else ("", {})
    if not models:
        return ReportSection("classes", heading, [paragraph(_NO_PREDICTIONS)])
    counts = build_confusion(report.labels, list(models.values()), "").counts
    scores = zip(report.labels, score_classes(counts), strict=True)
    rows = [
        [
            label,
            f"{class_scores.texts / len(models):g}",
            *map(_format_share, (class_scores.precision, class_scores.recall, class_scores.f1)),
        ]
        for label, class_scores in scores
    ]
    seeds = count_noun(len(models), "seed")
    introduction = paragraph(
        f"The best system ({report.systems[system]}) on the {split} split, {seeds} together. Precision: the share of "
        "the texts taken for a class that are of it. Recall: the share of a class's texts that were found. F1 is their "
        "harmonic mean. “–”: there is no such text."
    )
    figure = build_calibration(list(models.values()), f"{report.systems[system]}, {split}")
    caption = (
        f"How often the predicted class is right, by its probability, in {NUM_BINS} bins of equal width. On the dashed "
        "line the model is as often right as it is sure; below it, it is too sure. The expected calibration error, the "
        f"mean distance from the line, is {100 * pooled_calibration_error(list(models.values())):.1f} points."
    )
    scores_table = table(["class", "texts", "precision", "recall", "F1"], rows, "wnnnn", "plain")
    return ReportSection("classes", heading, [introduction, scores_table, FigureGroup([figure], caption)])


def _format_share(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def errors_section(report: ReportData) -> ReportSection:
    """Return the confident errors of the best model on validation, with their texts if these are available."""
    heading = "Confident errors"
    trial = report.best_record.trial.number if report.best_record else 0
    predictions, texts = report.predictions.validation.get(trial), report.predictions.texts
    if predictions is None:
        return ReportSection("errors", heading, [paragraph(_NO_PREDICTIONS)])
    errors = find_confident_errors(report.labels, predictions, MAX_ERRORS)
    if texts is not None and len(texts) != len(predictions.labels):
        texts = None
    seed = f"the best seed of the best system (trial {trial})"
    if not errors:
        return ReportSection("errors", heading, [paragraph(f"On validation, {seed} makes no error.")])
    subject = "validation text" if len(errors) == 1 else f"{len(errors)} validation texts"
    doubt = "This may be an error of the label." if len(errors) == 1 else "Some of these may be errors of the labels."
    introduction = paragraph(f"The {subject} on which {seed} is wrong and most confident. {doubt}")
    texts_note = [paragraph(report.predictions.texts_note)] if report.predictions.texts_note else []
    quotes = [
        Quote(
            texts[error.row] if texts else f"row {error.row}", error.true, error.predicted, f"{error.probability:.3f}"
        )
        for error in errors
    ]
    return ReportSection("errors", heading, [introduction, *texts_note, quote_list(quotes)])
