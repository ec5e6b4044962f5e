"""The model of a training's best epoch: chosen by an objective, and kept in a file beside the checkpoint."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.errors import CheckpointError
from sweeper.training.model import Classifier
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.types import ValidationReport


class BestModel:
    """The best model so far, by the objective; without an objective, none is kept. With `keeps_last`, the last one.

    `state` has the keys step, epoch, value, model and skipped_updates of the best epoch, and the origin of its weights
    if they are an average; it is empty before the first one.
    """

    def __init__(self, objective: ObjectiveMetric | None, *, keeps_last: bool = False) -> None:
        self.objective, self.keeps_last = objective, keeps_last
        self.state: dict[str, Any] = {}

    def is_beaten_by(self, report: ValidationReport) -> bool:
        """Return True if the model of this report is to be kept. Of equal reports, the first stays the best."""
        if self.objective is None or not math.isfinite(value := self._value(report)):
            return False
        sign = self.objective.sign
        return self.keeps_last or not self.state or sign * value > sign * float(self.state["value"])

    def keep(
        self, report: ValidationReport, model: Classifier, skipped_updates: Sequence[int], origin: Mapping[str, Any]
    ) -> None:
        """Copy the model of a report to the CPU.

        `skipped_updates` are the numbers of the updates that did not change the encoder; `origin` is that of Averaging.
        """
        weights = {name: tensor.detach().cpu().clone() for name, tensor in model.trained_state().items()}
        self.state = {
            "step": report.step,
            "epoch": report.epoch,
            "value": self._value(report),
            "model": weights,
            "skipped_updates": list(skipped_updates),
            **origin,
        }

    def restore(self, state: Mapping[str, Any], reports: Sequence[ValidationReport]) -> None:
        """Continue with the best model of a checkpoint after these reports.

        Raises CheckpointError if the checkpoint should have a best model and does not.
        """
        is_due = any(math.isfinite(self._value(report)) for report in reports)
        if is_due and not {"step", "epoch", "value", "model"} <= state.keys():
            raise CheckpointError("it has no best model")
        self.state = dict(state)

    def _value(self, report: ValidationReport) -> float:
        return math.nan if self.objective is None else report.metrics.get(self.objective.metric, math.nan)


def best_model_path(checkpoint_path: Path) -> Path:
    """Return the path at which a training with this checkpoint path saves its best model when it ends."""
    return checkpoint_path.with_name(checkpoint_path.name.replace("checkpoint", "model"))


def latest_best_model(checkpoint_path: Path) -> Path:
    """Return the best model of the newest attempt that left one, or the path for this attempt if there is none.

    Attempts number their files, as in checkpoint-2.pt and model-2.pt; an abandoned attempt has a lower number.
    """
    pattern = best_model_path(checkpoint_path.with_name("checkpoint-*.pt")).name
    return max(
        checkpoint_path.parent.glob(pattern),
        key=lambda path: int(path.stem.rpartition("-")[2]),
        default=best_model_path(checkpoint_path),
    )
