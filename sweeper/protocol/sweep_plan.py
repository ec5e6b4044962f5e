"""The plan of a sweep: what would run, and what it would use. `sweeper plan --json` prints it."""

from typing import Literal

from pydantic import Field

from sweeper.protocol.result_model import ResultModel
from sweeper.training.config import Scalar


class Span(ResultModel):
    """An expected amount with its range: four of five simulated sweeps lie in it, or nearly so."""

    expected: float = Field(description="the mean over simulated sweeps")
    low: float = Field(description="the lower end of the range")
    high: float = Field(description="the upper end of the range")


class PlannedSystem(ResultModel):
    """A system and its share of the budget."""

    params: dict[str, Scalar] = Field(description="the hyperparameters that define it")
    trials: int = Field(description="its trials in the search")
    race: int = Field(0, description="those of them that train its best settings with further seeds (racing)")


class PlannedHyperparameter(ResultModel):
    """A hyperparameter that is searched, in one of its cases."""

    name: str = Field(description="its name")
    values: str = Field(description="the allowed values in words")
    when: str = Field("", description="the condition under which it applies, in words; empty for always, or never")


class PlannedRung(ResultModel):
    """A validation at which early stopping decides."""

    epoch: float = Field(description="epochs trained by then")
    trials: float = Field(description="trials that are expected to be judged there")
    passing: float | None = Field(description="the expected share of them that continues; null if none is expected")


class TimedTraining(ResultModel):
    """A training of which a few steps were timed."""

    params: dict[str, Scalar] = Field(description="encoder, loss, batch size, and what else differs")
    epoch_seconds: float = Field(description="seconds of an epoch with its validations and checkpoints")
    memory_bytes: int = Field(description="most memory of the process until then")
    gpu_memory_bytes: int = Field(description="most memory of the GPU in use")


class PlannedUse(ResultModel):
    """The time, memory and disk that the sweep would use, by a calibration."""

    hours: Span = Field(description="wall time of the whole sweep, start, confirmation and test included")
    search_hours: Span = Field(description="wall time until the search ends, which budget.hours limits")
    cpu_hours: Span = Field(description="processor time of search, confirmation and test, all trials together")
    gpu_hours: Span = Field(description="GPU hours of search and confirmation; 0 without a GPU")
    search_gpu_hours: Span = Field(description="GPU hours of the search, which budget.gpu_hours limits")
    memory_bytes: int = Field(description="memory of all trials that run side by side, at most")
    gpu_memory_bytes: int = Field(description="memory of one trial on its GPU, at most; 0 without a GPU")
    disk_bytes: int = Field(description="disk that checkpoints take at most")
    free_disk_bytes: int = Field(description="free disk where the sweep would be")
    timed: list[TimedTraining] = Field(description="the trainings of which a few steps were timed")


class SweepPlan(ResultModel):
    """The plan of a sweep: what would run and, after a calibration, what it would use."""

    dataset: str = Field(description="name of the data set")
    systems: list[PlannedSystem] = Field(description="the systems that are compared")
    hyperparameters: list[PlannedHyperparameter] = Field(description="what is searched")
    trials: int = Field(description="trials of the search")
    epochs_at_most: float = Field(
        description="epochs of the search if no trial is stopped and all are as long as can be"
    )
    epochs: Span = Field(description="epochs of the search with early stopping")
    rule: str = Field(description="the early stopping rule; empty if early stopping is off")
    brackets: int = Field(1, description="brackets of early stopping; 1 without any")
    rungs: list[PlannedRung] = Field(description="validations at which early stopping decides, of all brackets")
    stopped: float = Field(description="trials that early stopping is expected to end")
    confirmation_trainings: int = Field(description="trainings with fresh seeds, if every system has enough settings")
    confirmation_epochs: float = Field(description="their expected epochs")
    scorings: int = Field(description="models that are scored on the test split, or on validation if there is none")
    validations: float = Field(description="expected validations of search and confirmation")
    place: Literal["this machine", "the cluster"] = Field(description="where trials would run")
    slots: int = Field(description="trials that run side by side")
    cpu: int = Field(description="CPU cores of a trial")
    gpu: float = Field(description="GPUs of a trial")
    notes: list[str] = Field(default_factory=list, description="what else there is to know, a line each")
    use: PlannedUse | None = Field(None, description="null without a calibration")
    exceeded: list[str] = Field(default_factory=list, description="limits that the sweep would exceed, a line each")
