"""The events of a sweep, one JSON object a line, for programs that follow it: `--events` writes them to stdout.

Names and fields of events stay as they are; new events and new fields may come. All times are in milliseconds since
1970. A number that is not finite is null, as JSON has no other word for it.
"""

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome

Metrics = dict[str, float]


class Event(BaseModel):
    """Something that happened to a sweep."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="null")

    event: str = Field(description="the kind of event")
    at: int = Field(description="when it happened")
    sweep: str = Field(description="name of the sweep")

    def line(self) -> str:
        """Return the event as one line of JSON in ASCII, with its line end."""
        values = json.loads(self.model_dump_json())  # in which numbers that are not finite are null
        return json.dumps(values, allow_nan=False) + "\n"


class SweepBegan(Event):
    """The first event: what runs."""

    event: Literal["sweep_began"] = "sweep_began"
    dataset: str = Field(description="name of the data set")
    objective: str = Field(description="metric that ranks trials")
    direction: Literal["maximize", "minimize"] = Field(description="which values of it are better")
    systems: list[dict[str, Scalar]] = Field(description="the hyperparameters of each system")
    trials: int = Field(description="planned trials of the search")
    confirmations: int = Field(description="planned trials of the confirmation")
    slots: int = Field(description="trials that run at a time")


class TrialStarted(Event):
    """A trial starts, or starts again."""

    event: Literal["trial_started"] = "trial_started"
    trial: int = Field(description="number of the trial")
    attempt: int = Field(description="times that it was started, this one included")
    stage: Literal["search", "confirm"] = Field(description="the stage that it belongs to")
    system: int = Field(description="index of its system, from 0")
    params: dict[str, Scalar] = Field(description="its hyperparameters")
    source_trial: int = Field(description="in confirmation, the trial whose setting it has; else 0")
    clone_of: int = Field(description="the trial that a user changed to make this one; else 0")
    race_of: int = Field(0, description="in a race, the trial whose setting it has with another seed; else 0")


class Reported(Event):
    """A validation of a trial."""

    event: Literal["report"] = "report"
    trial: int = Field(description="number of the trial")
    step: int = Field(description="number of the validation, from 1")
    epoch: float = Field(description="epochs trained by then")
    metrics: Metrics = Field(description="its metrics, such as validation/accuracy")


class TrialPaused(Event):
    """A trial waits at a rung, until it is promoted or stopped."""

    event: Literal["trial_paused"] = "trial_paused"
    trial: int = Field(description="number of the trial")
    epoch: float = Field(description="epochs trained by then")


class TrialEnded(Event):
    """A trial ends."""

    event: Literal["trial_ended"] = "trial_ended"
    trial: int = Field(description="number of the trial")
    outcome: Outcome = Field(description="how it ended")
    reason: str = Field(description="why it ended before its last epoch, or badly; else empty")
    score: float | None = Field(description="its best validation, by the objective")
    epoch: float | None = Field(description="epoch of its best validation")


class ModelScored(Event):
    """A confirmed model was scored on the test split, or on validation where there is none."""

    event: Literal["test_scored"] = "test_scored"
    trial: int = Field(description="number of the trial")
    metrics: Metrics = Field(description="its metrics, such as test/accuracy")


class PhaseCount(BaseModel):
    """The trials or models of a phase that are done, of those planned."""

    done: int = Field(description="trials or models that are done")
    total: int = Field(description="trials or models that are planned")


class Progress(Event):
    """The state of the sweep, after each trial that ended and each model that was scored."""

    event: Literal["progress"] = "progress"
    phase: str = Field(description="search, confirmation or test")
    phases: dict[str, PhaseCount] = Field(description="done and total of each phase")
    best_trial: int | None = Field(description="the trial with the best score in the search; none that ended badly")
    best_score: float | None = Field(description="that score")
    seconds_left: float | None = Field(description="estimate for all phases; null before anything is known")


class Message(Event):
    """A message for people."""

    event: Literal["message"] = "message"
    text: str = Field(description="what it says")


class SweepEnded(Event):
    """The command or the driver leaves the sweep."""

    event: Literal["sweep_ended"] = "sweep_ended"
    status: Literal["finished", "failed", "interrupted"] = Field(description="the state in which it is left")


EVENTS: tuple[type[Event], ...] = (
    SweepBegan,
    TrialStarted,
    Reported,
    TrialPaused,
    TrialEnded,
    ModelScored,
    Progress,
    Message,
    SweepEnded,
)
"""All events, except the last line: {"event": "results", "results": …}, with the object of `--json`."""
