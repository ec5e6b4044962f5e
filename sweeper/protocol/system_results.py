"""The results of one system: its search, its confirmation, and the fresh seeds of that."""

from typing import Annotated

from pydantic import AllowInfNan, Field

from sweeper.protocol.result_model import ResultModel
from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome

Metrics = dict[str, Annotated[float, AllowInfNan(True)]]  # by name, as in MLflow; a loss may be infinite


class SeedResult(ResultModel):
    """A setting trained once with a fresh seed."""

    trial: int = Field(description="number of the trial")
    seed: int = Field(description="its random seed")
    outcome: Outcome = Field(description="how the training ended")
    reason: str = Field("", description="why it ended before its last epoch, or badly, in a line")
    epoch: float | None = Field(None, description="epoch of its best validation")
    metrics: Metrics = Field(default_factory=dict, description="metrics of its best validation")
    test: Metrics | None = Field(description="metrics on the test split, where the model was scored on it")


class CandidateResult(ResultModel):
    """A setting that was confirmed, before the means over fresh seeds decided."""

    source_trial: int = Field(description="trial of the search that has the setting")
    mean: float | None = Field(description="mean of the objective over its fresh seeds that left a model")
    sd: float | None = Field(description="standard deviation (n - 1) over these")
    seeds: int = Field(description="fresh seeds that left a model")


class ConfirmationResult(ResultModel):
    """The confirmed setting of a system: the scores to publish."""

    source_trial: int = Field(description="trial of the search that has the setting")
    params: dict[str, Scalar] = Field(description="its hyperparameters, without those of the system")
    planned_seeds: int = Field(description="fresh seeds that the search space asks for")
    top: int = Field(1, description="settings that were confirmed in this system")
    epochs: float = Field(description="epochs trained in confirmation, all candidates together")
    hours: float = Field(description="hours of training and validation in confirmation")
    search_mean: float = Field(description="objective of the setting in the search, over its trials there")
    mean: float | None = Field(description="mean of the objective over its fresh seeds that left a model")
    sd: float | None = Field(description="standard deviation (n - 1) over these")
    optimism: float | None = Field(
        description="by how much search_mean is better than mean, and so was too optimistic; below 0 where it is worse"
    )
    tested_settings: int = Field(description="settings of the system that were ever scored on the test split")
    candidates: list[CandidateResult] = Field(default_factory=list, description="every setting that was confirmed")
    seeds: list[SeedResult] = Field(description="its trainings with fresh seeds")

    @property
    def models(self) -> list[SeedResult]:
        """The fresh seeds that left a model: those whose scores count."""
        return [seed for seed in self.seeds if seed.outcome.leaves_model]


class SearchBest(ResultModel):
    """The best setting of a system's search, chosen on validation and therefore optimistic."""

    trial: int = Field(description="number of its best trial")
    completed: bool = Field(description="False if no trial of the system completed; this one trained longest")
    params: dict[str, Scalar] = Field(description="its hyperparameters, without those of the system")
    score: float | None = Field(None, description="best validation of the trial, by the objective")
    mean: float = Field(description="mean over the trials that have the setting")
    shrunk_mean: float | None = Field(
        None, description="with racing: this mean shrunk towards that of the system's settings; the best one is chosen"
    )
    repeats: int = Field(1, description="trials that have the setting")
    epoch: float = Field(0.0, description="epoch of the best validation")
    metrics: Metrics = Field(default_factory=dict, description="metrics of the best validation")


class SystemResult(ResultModel):
    """The results of one system: a combination of `compare:`, a row of the published table."""

    system: dict[str, Scalar] = Field(description="the hyperparameters that define it")
    num_trials: int = Field(description="trials of its search that have ended")
    outcomes: dict[Outcome, int] = Field(description="number of trials by outcome")
    repeated: int = Field(0, description="trials that ran a setting which was tried before")
    raced: int = Field(0, description="trials that ran one of its best settings with a further seed (racing)")
    cloned: int = Field(0, description="trials that a user chose (sweeper clone), beyond its share of the budget")
    epochs: float = Field(description="epochs trained in the search")
    hours: float = Field(description="hours of training and validation in the search")
    best: SearchBest | None = Field(description="the best setting of the search")
    confirmation: ConfirmationResult | None = Field(description="the confirmation of a setting, once it is decided")
