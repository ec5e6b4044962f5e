"""A finished sweep as tables and reports take it: its results, and the predictions of its confirmed models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sweeper.protocol.sweep_results import SweepResults
from sweeper.training.types import Predictions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TestPredictions:
    """The true and the predicted classes of a split, for one confirmed model, (N,) each, and the probabilities (N, C).

    For `task: multi_label`, they are true and predicted label sets, (N, C) each.

    Without probabilities, only metrics of the predicted classes can be computed.
    """

    labels: "NDArray[np.int64]"
    predictions: "NDArray[np.int64]"
    probabilities: "NDArray[np.float32] | NDArray[np.float64] | None" = None

    @classmethod
    def of(cls, stored: Predictions) -> "TestPredictions":
        """Return the predictions that a file has."""
        return cls(stored.labels, stored.predicted_classes, stored.probabilities)


@dataclass(frozen=True)
class FinishedSweep:
    """The results of a sweep, and the test predictions of its confirmed models by trial.

    A confirmed trial that is missing in `predictions` takes its system out of comparisons. `runs` are the ids of the
    trials' runs in MLflow, where the sweep was read from there. `validation` are the predictions on validation, for
    metrics that need those too.
    """

    results: SweepResults
    predictions: Mapping[int, TestPredictions]
    runs: Mapping[int, str] = field(default_factory=dict)
    validation: Mapping[int, TestPredictions] = field(default_factory=dict)

    @property
    def lead_predictions(self) -> Mapping[int, TestPredictions]:
        """The predictions on which a winner's lead is measured: on test or, without a test split, on validation."""
        return self.predictions if self.results.test_split else self.validation

    @classmethod
    def from_predictions(
        cls, results: SweepResults, test: Mapping[int, Predictions], validation: Mapping[int, Predictions]
    ) -> "FinishedSweep":
        """Return a finished sweep from the stored predictions of its confirmed models on both splits."""
        on_test, on_validation = (
            {trial: TestPredictions.of(stored) for trial, stored in split.items()} for split in (test, validation)
        )
        return cls(results, on_test, validation=on_validation)


@dataclass(frozen=True)
class FinishedSweeps:
    """Finished sweeps for one table.

    `test_accesses` counts, by the digest of a test split, the test accesses of all other sweeps at hand. `remarks` are
    sentences on what was left out, and why. `runs` are MLflow's runs of trials by trial, for sweeps whose records were
    read elsewhere, by the sweep's id.
    """

    sweeps: tuple[FinishedSweep, ...]
    test_accesses: Mapping[str, int] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    runs: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
