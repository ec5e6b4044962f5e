"""The table that is published: rows are systems, columns data sets, and a cell is a mean over fresh seeds.

Pure: `run` gives it what is in the record, `sweeper table` what is in MLflow, and both get the same table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Answers:
    """What one confirmed model answered on a test split: the true and the predicted classes, (N,)."""

    labels: "NDArray[np.int64]"
    predictions: "NDArray[np.int64]"


@dataclass(frozen=True)
class Finished:
    """A finished sweep as the table sees it: its results (results.py says what is in them) and the answers by trial.

    A confirmed trial whose answers are not at hand is missing in `answers`: its cell is then not compared.
    """

    results: Mapping[str, Any]
    answers: Mapping[int, Answers]
