"""The section about the confirmed models of a sweep with `task: multi_label`: the scores of each label."""

import numpy as np
from numpy.typing import NDArray

from sweeper.reporting.html.html_elements import ReportSection, paragraph, table
from sweeper.reporting.html.report_data import ReportData
from sweeper.training.thresholds import PLAIN, predict_label_sets
from sweeper.training.types import Predictions
from sweeper.wording import count_noun, name_absent_classes, name_untuned_labels


def labels_section(report: ReportData) -> ReportSection:
    """Return the scores of each label of the best system, with their thresholds from validation."""
    heading = "Each label"
    best = report.best_record
    split, by_trial = report.stored_predictions(best.trial.system) if best else ("", {})
    models = list(by_trial.values())
    if best is None or not models:
        return ReportSection("classes", heading, [paragraph("No predictions of confirmed models are stored.")])
    counts = [_count(model, model.predicted_classes) for model in models]
    at_half = [_count(model, predict_label_sets(model.probabilities, PLAIN)) for model in models]
    tuned, plain = np.sum(counts, axis=0), np.sum(at_half, axis=0)  # (3, C) each
    thresholds = np.mean([model.thresholds for model in models if model.thresholds is not None], axis=0)
    texts = models[0].labels.sum(axis=0).tolist()
    rows = [
        [label, f"{texts[k]:g}", f"{thresholds[k]:.2f}", *_scores(tuned[:, k]), _scores(plain[:, k])[-1]]
        for k, label in enumerate(report.labels)
    ]
    untuned = name_untuned_labels(report.results.class_counts.get("validation", {}))
    tuned_on = f"which was tuned on validation for the largest F1 (mean over the seeds). {untuned}".rstrip()
    introduction = (
        f"The best system ({report.systems[best.trial.system]}) on the "
        f"{split} split, {count_noun(len(models), 'seed')} together. A label is predicted if its probability is not "
        f"below its threshold, {tuned_on} Precision: the share of a label's predictions that are right. Recall: the "
        "share of its texts that were found. F1 is their harmonic mean; the last column has that of a threshold of .5. "
        "“–”: there is no such text. No class is taken for another where a text has several, so there are no "
        "confusions."
    )
    absent = name_absent_classes(split, report.labels, texts)
    parts = [paragraph(introduction), *([paragraph(absent)] if absent else [])]
    heads = ["label", "texts", "threshold", "precision", "recall", "F1", "F1 at .5"]
    return ReportSection("classes", heading, [*parts, table(heads, rows, "wnnnnnn")])


def _count(model: Predictions, predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the right predictions, the predictions and the texts of each label: (3, C)."""
    labels = model.labels
    return np.stack([(labels * predicted).sum(axis=0), predicted.sum(axis=0), labels.sum(axis=0)])


def _scores(counts: NDArray[np.int64]) -> list[str]:
    """Return precision, recall and F1 in percent from the counts of one label (3,)."""
    right, predicted, texts = counts.tolist()
    pairs = ((right, predicted), (right, texts), (2 * right, predicted + texts))
    return [f"{100 * part / whole:.1f}" if whole else "–" for part, whole in pairs]
