"""The metrics of predictions: what a validation reports, what can be an objective, and what the table can show.

To add one, write its function, add an entry to METRICS and test it; the YAML's schema, messages, help and docs are made
from the entries. CLASS_METRICS are those of one class, such as `f1/joy` of the class joy.

A metric is a function of the confusion matrix (metrics.py) or of the probabilities (probability_metrics.py). For
`task: multi_label` it is one of label sets (label_set_metrics.py); some metrics have a form for both tasks. Where a
class is absent from the split, scikit-learn's rule holds; descriptions say it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from sweeper.training.metric import Metric

METRICS: Mapping[str, Metric] = {
    "loss": Metric(
        "Loss",
        "The classifier's mean cross entropy (log-loss), in nats.",
        "The mean binary cross entropy over texts and labels, in nats.",
        better="lower",
        best_constant="sweeper.training.metrics:entropy",
        of_probabilities="sweeper.training.probability_metrics:log_loss",
        without_each="sweeper.training.text_influence:log_loss_without_each",
        of_label_probabilities="sweeper.training.label_set_metrics:binary_log_loss",
        without_each_label_set="sweeper.training.label_set_influence:binary_log_loss_without_each",
        is_reported=True,
        is_share=False,
    ),
    "accuracy": Metric(
        "Accuracy",
        "The share of texts whose true class is predicted.",
        function="sweeper.training.metrics:accuracy",
        better="higher",
        is_reported=True,
    ),
    "macro_f1": Metric(
        "Macro-F1",
        "The mean F1 of the classes that are true or predicted for some text, each class counted equally.",
        "The mean F1 of all labels, with thresholds tuned on validation.",
        function="sweeper.training.metrics:macro_f1",
        of_label_sets="sweeper.training.label_set_metrics:macro_f1",
        without_each_label_set="sweeper.training.label_set_influence:macro_f1_without_each",
        better="higher",
        is_reported=True,
    ),
    "micro_f1": Metric(
        "Micro-F1",
        "Only for task: multi_label: the F1 of all decisions about a text and a label, with thresholds tuned on "
        "validation.",
        of_label_sets="sweeper.training.label_set_metrics:micro_f1",
        without_each_label_set="sweeper.training.label_set_influence:micro_f1_without_each",
        better="higher",
        is_reported=True,
    ),
    "macro_f1_plain": Metric(
        "Macro-F1 at .5",
        "Only for task: multi_label: the mean F1 of all labels, each predicted from a probability of .5.",
        of_label_sets="sweeper.training.label_set_metrics:macro_f1",
        without_each_label_set="sweeper.training.label_set_influence:macro_f1_without_each",
        better="higher",
        is_reported=True,
        is_objective=False,
        is_plain=True,
    ),
    "micro_f1_plain": Metric(
        "Micro-F1 at .5",
        "Only for task: multi_label: the F1 of all decisions about a text and a label, predicted from a probability of "
        ".5.",
        of_label_sets="sweeper.training.label_set_metrics:micro_f1",
        without_each_label_set="sweeper.training.label_set_influence:micro_f1_without_each",
        better="higher",
        is_reported=True,
        is_objective=False,
        is_plain=True,
    ),
    "weighted_f1": Metric(
        "Weighted-F1",
        "The mean of the classes' F1, each class weighted by its number of texts.",
        function="sweeper.training.metrics:weighted_f1",
        better="higher",
        is_reported=True,
    ),
    "balanced_accuracy": Metric(
        "Balanced accuracy",
        "The mean recall of the classes that are true for some text; a class without texts does not count.",
        function="sweeper.training.metrics:balanced_accuracy",
        better="higher",
    ),
    "mcc": Metric(
        "MCC",
        "Matthews' correlation of true and predicted classes, from -1 to 1; 0 if only one class is true or predicted.",
        function="sweeper.training.metrics:mcc",
        better="higher",
        is_share=False,
    ),
    "auroc": Metric(
        "AUROC",
        "The area under the ROC curve, one class versus the rest, as the mean of the classes; of two classes, that of "
        "the second. Undefined if a class has no text in the split.",
        of_probabilities="sweeper.training.probability_metrics:auroc",
        without_each="sweeper.training.text_influence:auroc_without_each",
        better="higher",
        best_constant="sweeper.training.probability_metrics:chance_auroc",
        needs_every_class=True,
    ),
    "brier": Metric(
        "Brier score",
        "The squared distance of probabilities from the true class, summed over the classes, as a mean over texts: "
        "from 0 to 2; of two classes, half of it.",
        of_probabilities="sweeper.training.probability_metrics:brier",
        without_each="sweeper.training.text_influence:brier_without_each",
        better="lower",
        best_constant="sweeper.training.probability_metrics:constant_brier",
        is_share=False,
    ),
    "qwk": Metric(
        "QWK",
        "Cohen's kappa with quadratic weights, for ordered classes; undefined if all texts are of one class and taken "
        "for it.",
        function="sweeper.training.metrics:quadratic_kappa",
        better="higher",
        is_share=False,
        is_ordered=True,
    ),
    "mae": Metric(
        "MAE",
        "The mean number of steps between the true and the predicted class, for ordered classes.",
        function="sweeper.training.metrics:mean_absolute_error",
        better="lower",
        is_share=False,
        is_ordered=True,
    ),
    "ece": Metric(
        "ECE",
        "The expected calibration error over 10 bins of equal width of the predicted class's probability: the mean "
        "distance of a bin's mean probability from the share that is right (Guo et al. 2017).",
        of_probabilities="sweeper.training.probability_metrics:calibration_error",
        without_each="sweeper.training.text_influence:calibration_error_without_each",
        better="lower",
        is_objective=False,
    ),
    "ece_scaled": Metric(
        "ECE after temperature scaling",
        "The ECE after a temperature that minimizes the loss of the same model on validation (Guo et al. 2017).",
        of_probabilities="sweeper.training.probability_metrics:calibration_error",
        without_each="sweeper.training.text_influence:calibration_error_without_each",
        better="lower",
        is_objective=False,
        is_rescaled=True,
    ),
    "largest_class": Metric(
        "Largest predicted class",
        "The share of the predictions that name the class predicted most often.",
        function="sweeper.training.metrics:largest_class",
        is_reported=True,
    ),
    "majority": Metric(
        "Majority class",
        "The share of the most frequent true class: the accuracy of always predicting it.",
        function="sweeper.training.metrics:majority",
        is_reported=True,
    ),
}


CLASS_METRICS: Mapping[str, Metric] = {
    "f1": Metric(
        "F1",
        "The harmonic mean of the class's precision and recall; 0 if no text is of the class or taken for it.",
        function="sweeper.training.metrics:class_f1",
        of_label_sets="sweeper.training.label_set_metrics:label_f1",
        without_each_label_set="sweeper.training.label_set_influence:label_f1_without_each",
        better="higher",
    ),
    "precision": Metric(
        "Precision",
        "The share of the texts taken for the class that are of it; 0 if there are none.",
        function="sweeper.training.metrics:class_precision",
        of_label_sets="sweeper.training.label_set_metrics:label_precision",
        without_each_label_set="sweeper.training.label_set_influence:label_precision_without_each",
        better="higher",
        is_objective=False,
    ),
    "recall": Metric(
        "Recall",
        "The share of the texts of the class that are taken for it; 0 if there are none.",
        function="sweeper.training.metrics:class_recall",
        of_label_sets="sweeper.training.label_set_metrics:label_recall",
        without_each_label_set="sweeper.training.label_set_influence:label_recall_without_each",
        better="higher",
        is_objective=False,
    ),
}


def find_metric(name: str) -> Metric:
    """Return the metric of this name: an entry of METRICS, or one of CLASS_METRICS with its class, such as `f1/joy`.

    Raises KeyError if there is none.
    """
    kind, _, class_name = name.partition("/")
    if not class_name:
        return METRICS[name]
    return replace(CLASS_METRICS[kind], label=f"{CLASS_METRICS[kind].label} of {class_name}", class_name=class_name)


def is_metric(name: str) -> bool:
    """Return True if there is a metric of this name. A class that it names may be unknown."""
    kind, _, class_name = name.partition("/")
    return kind in CLASS_METRICS if class_name else name in METRICS


def objective_metrics(better: Literal["higher", "lower"]) -> tuple[str, ...]:
    """Return the names, as in a report, of the metrics that an objective can maximize ("higher") or minimize."""
    return tuple(
        f"validation/{name}" for name, metric in METRICS.items() if metric.better == better and metric.is_objective
    )


def class_objectives(better: Literal["higher", "lower"]) -> str:
    """Return a pattern of the names, as in a report, of the metrics of one class that an objective can have."""
    names = [name for name, metric in CLASS_METRICS.items() if metric.better == better and metric.is_objective]
    return f"validation/({'|'.join(names)})/.+" if names else ""
