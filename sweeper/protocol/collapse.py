"""The rule that says whether a trial collapsed: it predicts one class, and has learned nothing.

The measure is the best constant prediction: the best answer that is the same for every validation text. For the loss
these are the shares of the classes as probabilities, for any other metric it is the best single class. A trial has
collapsed if all three hold:

1. It has learned nothing. None of its validations beats the best constant prediction by the objective (a tie does not
   beat it), and none has a loss that is more than 5 % below the best constant prediction's.
2. It predicts one class: nearly all texts get the same class, and not because nearly all texts are of that class.
3. It does not rise: its objective set no new best. A first validation has nothing to rise from.

While it trains, with early stopping on, a trial ends once it has learned nothing, and predicts one class and does not
rise at two validations in a row after the grace epochs. At the end of a training, whether early stopping is on or off,
the grace epochs count too. There a trial has also collapsed if its best validation, whose weights are kept, predicts
one class, unless the last validation is a new best. A trial that beats the best constant prediction once has not
collapsed, even if it gets worse: its best weights are kept, and early stopping sees its present value.

If validation has texts of one class only, right answers and a collapse look the same, and no trial has collapsed.
The verdict follows from the trial's reports and the validation labels, which are part of the sweep's fingerprint.
Therefore it is the same after a resume.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.protocol.ranking import best_report
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.metrics import best_constant
from sweeper.training.types import TrainingData, ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd, TrialRecord

ONE_CLASS = 0.98  # share of the validation texts with the same predicted class from which a trial predicts one class
INFORMED = 0.95  # a loss below this part of the best constant prediction's shows that a trial has learned something
_LARGEST_CLASS, _LOSS = "validation/largest_class", "validation/loss"


@dataclass(frozen=True)
class ConstantPrediction:
    """The best constant prediction on validation: its objective, its loss in nats, and the largest class's share."""

    objective: float
    loss: float
    majority: float


class CollapseRule:
    """The rule for one sweep."""

    def __init__(self, spec: SweepSpec, class_counts: Mapping[str, int] | None = None) -> None:
        """Take the number of validation texts by class, in the classes' order. Without them, no trial has collapsed."""
        self.spec, self.metric, self.sign = spec, spec.objective.metric, spec.objective.sign
        self.constant: ConstantPrediction | None = None
        counts = list((class_counts or {}).values())
        if sum(counts):
            objective = best_constant(spec.objective.name, counts, list(class_counts or {}))
            self.constant = ConstantPrediction(objective, best_constant("loss", counts), max(counts) / sum(counts))

    def check(self, record: TrialRecord, step: int) -> TrialEnd | None:
        """Return the end of a trial that has collapsed at its report `step`; None if it may continue."""
        reports = _judged([report for report in record.reports if report.step <= step])  # one sent again has later ones
        is_due = self.spec.early_stopping_rule is not None and len(reports) >= self.spec.grace_validations + 2
        if not is_due or self.has_learned(reports) or not self._has_stalled(reports):
            return None
        return self._collapsed(reports, reports[-1], "twice in a row")

    def final_end(self, record: TrialRecord) -> TrialEnd:
        """Return the end of a trial whose training has run to its end: completed, diverged or collapsed."""
        best, reports = best_report(self.spec, record), _judged(record.reports)
        if best is None:
            return TrialEnd(Outcome.DIVERGED, f"{self.metric} was never finite")
        if self.has_learned(reports):
            return TrialEnd(Outcome.COMPLETED)
        if self.predicts_one_class(best) and not self._is_new_best(reports, len(reports) - 1):
            return self._collapsed(reports, best, "at its best validation too")
        if len(reports) > 1 and self._has_stalled(reports):
            return self._collapsed(reports, reports[-1], "at its last two validations")
        return TrialEnd(Outcome.COMPLETED)

    def has_learned(self, reports: Sequence[ValidationReport]) -> bool:
        """Return True if a report beats the best constant prediction, or none could: validation has a single class."""
        constant = self.constant
        return (
            constant is None
            or constant.majority == 1
            or any(
                self._value(report) > self.sign * constant.objective
                or report.metrics.get(_LOSS, math.inf) < INFORMED * constant.loss
                for report in reports
            )
        )

    def predicts_one_class(self, report: ValidationReport) -> bool:
        """Return True if (nearly) all predictions are one class, and not because nearly all texts are of that class."""
        limit = min(1.0, max(ONE_CLASS, self.constant.majority + 0.01)) if self.constant else math.inf
        return report.metrics.get(_LARGEST_CLASS, 0) >= limit

    def _has_stalled(self, reports: Sequence[ValidationReport]) -> bool:
        """Return True if the last two of at least two reports predict one class, and neither is a new best."""
        return all(
            self.predicts_one_class(reports[k]) and not self._is_new_best(reports, k)
            for k in (len(reports) - 2, len(reports) - 1)
        )

    def _is_new_best(self, reports: Sequence[ValidationReport], index: int) -> bool:
        """Return True if a report's objective is better than that of every earlier one, and there is an earlier one."""
        value = self._value(reports[index])
        return index > 0 and all(value > self._value(report) for report in reports[:index])

    def _value(self, report: ValidationReport) -> float:
        """Return a report's objective, where more is better; minus infinity if it is not finite."""
        value = self.sign * report.metrics.get(self.metric, math.nan)
        return value if math.isfinite(value) else -math.inf

    def _collapsed(self, reports: Sequence[ValidationReport], report: ValidationReport, when: str) -> TrialEnd:
        """Return the end of a trial with these reports that predicts one class at `report`."""
        assert self.constant is not None
        share = math.floor(1000 * report.metrics[_LARGEST_CLASS]) / 10  # percent, never more than it was
        name, best = self.metric.removeprefix("validation/"), self.sign * max(map(self._value, reports))
        measure = f"{name} {best:.4f} is no better than the best constant prediction's {self.constant.objective:.4f}"
        return TrialEnd(Outcome.COLLAPSED, f"predicts one class for {share:g}% of the texts {when}; {measure}")


def count_validation_classes(data: Mapping[str, TrainingData]) -> dict[str, int]:
    """Return the number of validation texts of each class, in order; nothing if there is no validation split.

    Also nothing for `task: multi_label`: no trial of it is taken for collapsed, because it does not choose one class.
    """
    for training_data in data.values():
        if training_data.task == "single_label" and "validation" in training_data.splits:
            labels = training_data.splits["validation"].labels
            counts = np.bincount(labels, minlength=len(training_data.class_names)).tolist()
            return dict(zip(training_data.class_names, counts, strict=True))
    return {}


def _judged(reports: Sequence[ValidationReport]) -> list[ValidationReport]:
    """Return the reports of a trained classifier. A phase without one has nothing to judge."""
    return [report for report in reports if _LARGEST_CLASS in report.metrics]
