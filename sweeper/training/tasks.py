"""The tasks: one label for each text, or any number of them. Each says what a training does with labels and logits.

To add a task, write its functions, add an entry to TASKS and its name to `Task` in data/dataset_spec.py, and test it.
An entry names its functions as "module:function", like those of registry.py. Labels are class numbers (N,) or 0/1
matrices (N, C).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sweeper.data.dataset_spec import Task
from sweeper.training.config import Scalar
from sweeper.training.metric import Metric
from sweeper.training.metric_registry import CLASS_METRICS, METRICS

THRESHOLDS = "thresholds.json"  # in the folder of an exported model: the threshold of each label, by class name


@dataclass(frozen=True)
class TaskFunctions:
    """The functions and limits of a task in training.

    - `cross_entropy`: (logits (B, C), labels, keywords of functional.cross_entropy) -> scalar. The reduction is "mean"
      or "sum" over texts.
    - `probabilities`: logits (B, C) -> probabilities (B, C).
    - `metrics`: (Predictions, class names, name of the objective's metric or None) -> all metrics but the loss.
    - `thresholds`: (labels, probabilities (N, C)) of validation -> thresholds (C,) from which a label is predicted;
      None if the most probable class is predicted.
    - `table_metric` is the metric of the published table, if none is named.
    - `problem_type` is the name that transformers has for it.
    - `allowed` has the values of the hyperparameters that are not all possible, and `reasons` says why.
    """

    label: str
    cross_entropy: str
    probabilities: str
    metrics: str
    table_metric: str
    problem_type: str
    thresholds: str | None = None
    allowed: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


TASKS: Mapping[Task, TaskFunctions] = {
    "single_label": TaskFunctions(
        "one label for each text",
        cross_entropy="sweeper.training.cross_entropy:of_classes",
        probabilities="sweeper.training.cross_entropy:class_probabilities",
        metrics="sweeper.training.metrics:reported_metrics",
        table_metric="accuracy",
        problem_type="single_label_classification",
    ),
    "multi_label": TaskFunctions(
        "any number of labels for each text",
        cross_entropy="sweeper.training.cross_entropy:of_label_sets",
        probabilities="sweeper.training.cross_entropy:label_probabilities",
        metrics="sweeper.training.label_set_metrics:reported_metrics",
        table_metric="macro_f1",
        problem_type="multi_label_classification",
        thresholds="sweeper.training.thresholds:tune_thresholds",
        allowed={
            "loss": ("ce", "scl", "scl_two_phase"),
            "class_weights": ("none",),
            "label_smoothing": (0.0,),
            "consistency": (0.0,),
            "texts_per_class": (1,),
        },
        reasons={
            "loss": "the other losses are defined for one class of each text",
            "class_weights": "classes are not weighted where a text has several",
            "label_smoothing": "labels are smoothed over the classes of one label",
            "consistency": "it compares probabilities that sum to 1",
            "texts_per_class": "batches are drawn by class, and a text has several",
        },
    ),
}


def metric_fits(metric: Metric, task: str) -> bool:
    """Return True if a metric can be computed for a task."""
    return metric.fits_label_sets if task == "multi_label" else metric.fits_classes


def objectives_of(task: str, better: Literal["higher", "lower"]) -> list[str]:
    """Return the metrics, as in a report, that an objective can maximize ("higher") or minimize for a task.

    Those of one class come last, with CLASS in place of its name.
    """
    metrics = {**METRICS, **{f"{name}/CLASS": metric for name, metric in CLASS_METRICS.items()}}
    scores = (name for name, metric in metrics.items() if metric.better == better and metric.is_objective)
    return [f"validation/{name}" for name in scores if metric_fits(metrics[name], task)]
