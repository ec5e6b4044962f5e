"""What a finished sweep found: its results.json, checked, and what its models answered.

results.py writes the results, and whoever has MLflow's copy alone reads them here: what is missing, or of another kind,
is an error with its place, and never a guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AllowInfNan, BaseModel, ConfigDict, Field, ValidationError

from sweeper.errors import RecordError
from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TestPredictions:
    """What one confirmed model answered on a test split: the true and the predicted classes, (N,)."""

    labels: "NDArray[np.int64]"
    predictions: "NDArray[np.int64]"


@dataclass(frozen=True)
class FinishedSweep:
    """A finished sweep as the table sees it: its results (results.py says what is in them) and the answers by trial.

    A confirmed trial whose answers are not at hand is missing in `answers`: its cell is then not compared. `runs` are
    the ids of its trials' runs in MLflow, where it comes from there.
    """

    results: Mapping[str, Any]
    predictions: Mapping[int, TestPredictions]
    runs: Mapping[int, str] = field(default_factory=dict)


class _Part(BaseModel):
    """A part of the results; what else stands there is left alone."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


_Metric = Annotated[float, AllowInfNan(True)]  # test/loss may be anything


class SeedResult(_Part):
    """A setting trained once with a fresh seed. `test` is there where its model was scored on the test split."""

    trial: int
    seed: int
    outcome: Outcome
    reason: str = ""
    epoch: float | None = None
    test: dict[str, _Metric] | None


class ConfirmationResult(_Part):
    """The setting of a cell that was confirmed; `candidates` are all that were, before their means decided."""

    source_trial: int
    params: dict[str, Scalar]
    planned: int
    epochs: float
    hours: float
    search: float
    mean: float | None
    sd: float | None
    optimism: float | None
    tested_settings: int
    candidates: list[dict[str, Any]] = Field(default_factory=list)
    seeds: list[SeedResult]


class SearchBest(_Part):
    """The best trial of a cell's search by validation."""

    trial: int
    completed: bool
    params: dict[str, Scalar]


class SystemResult(_Part):
    """What was found in one cell."""

    system: dict[str, Scalar]
    trials: int
    outcomes: dict[Outcome, int]
    repeated: int = 0
    epochs: float
    hours: float
    best: SearchBest | None
    confirm: ConfirmationResult | None


class TestAccessResult(_Part):
    """One look at the test split, milliseconds since 1970."""

    at: int
    trial: int
    seed: int


class TestSplitInfo(_Part):
    """The test split: how many texts, and the digest of its rows."""

    texts: int
    digest: str


class SweepResults(_Part):
    """All that a finished sweep found. `training` are the knobs that it did not vary."""

    sweep: str
    dataset: str
    objective: str
    limited: dict[str, int]
    resolved: dict[str, str]
    training: dict[str, Scalar] = Field(default_factory=dict)
    labels: list[str]
    threads: int
    gpu: float
    test: TestSplitInfo | None
    test_accesses: list[TestAccessResult]
    systems: list[SystemResult]

    @property
    def newest(self) -> tuple[int, str]:
        """What orders sweeps by age: their last look at the test split, then their name."""
        return max((test_access.at for test_access in self.test_accesses), default=0), self.sweep


def parse_results(results: Mapping[str, Any]) -> SweepResults:
    """Results as Findings. Raises RecordError with the place of the first mistake."""
    try:
        return SweepResults.model_validate(results)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        name = results.get("sweep", "a sweep") if isinstance(results, Mapping) else "a sweep"
        raise RecordError(
            f"{name}: its results are damaged at {place}: {first['msg']}; run the sweep's command again"
        ) from None
