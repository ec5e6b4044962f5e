"""The results of a sweep: one model for results.json, `--json`, tables, reports and the Python API.

protocol/results.py builds it from the record. Where it is read back, from a file or from MLflow's copy, a value that is
missing or of the wrong type is an error that names its place. No value is guessed.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, ValidationError

from sweeper.data.dataset_spec import Task
from sweeper.errors import RecordError
from sweeper.protocol.data_frame import data_frame
from sweeper.protocol.learned_from import LearnedFrom
from sweeper.protocol.result_model import ResultModel
from sweeper.protocol.study_variance import StudyVariance
from sweeper.protocol.system_results import ConfirmationResult, Metrics, SystemResult
from sweeper.training.config import Scalar, TrainConfig
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TestAccess

if TYPE_CHECKING:
    import pandas as pd


_SPREAD_FIELDS = {"params", "metrics", "test"}  # of a trial, each of whose keys has a column of its own


class SearchResult(ResultModel):
    """The part of the budget that the search used, and what ended it."""

    epochs: float = Field(description="epochs of all its trials")
    hours: float = Field(description="hours of the commands that searched, without the pauses between them")
    gpu_hours: float = Field(description="hours of training and validation, times the GPUs of a trial")
    usd: float | None = Field(None, description="cost of these GPU hours in US dollars, where the budget has a price")
    ended_by: str = Field("", description="key of the limit that ended it before all trials were run")
    reason: str = Field("", description="what ended it before all trials were run, in words")
    patience: dict[str, float | None] | None = Field(None, description="budget.patience, if that ended it")
    interrupted: int = Field(0, description="trials that were under way then; a larger budget continues them")


class TrialResult(ResultModel):
    """One trial of the sweep, in the search or in confirmation."""

    number: int = Field(description="number of the trial")
    system: int = Field(description="index of its system")
    stage: str = Field(description="search or confirm")
    source_trial: int = Field(0, description="in confirmation, the trial of the search that has the setting")
    clone_of: int = Field(0, description="the trial whose setting a user changed to make this one; 0: nobody chose it")
    race_of: int = Field(0, description="in a race, the trial whose setting it has with another seed; else 0")
    params: dict[str, Scalar] = Field(description="its hyperparameters")
    seed: int = Field(description="its random seed")
    attempts: int = Field(description="times that it was started")
    outcome: Outcome | None = Field(description="how it ended; none while it runs or is interrupted")
    reason: str = Field("", description="why it ended before its last epoch, or badly, in a line")
    score: float | None = Field(description="its best validation, by the objective")
    epoch: float | None = Field(description="epoch of its best validation")
    epochs: float = Field(description="epochs that it trained")
    hours: float = Field(description="hours of its training and validation")
    metrics: Metrics = Field(default_factory=dict, description="metrics of its best validation")
    test: Metrics | None = Field(None, description="metrics on the test split, where its model was scored on it")

    @property
    def is_unsuccessful(self) -> bool:
        """True if the trial has ended, and neither completed nor was stopped early."""
        return self.outcome is not None and not self.outcome.is_healthy


class TestSplitInfo(ResultModel):
    """The test split."""

    texts: int = Field(description="number of texts")
    digest: str = Field(description="digest of its rows")


class SweepResults(ResultModel):
    """Everything that a sweep found. It is a function of the record, and can be built again from it."""

    sweep: str = Field(description="name of the sweep: data set and fingerprint")
    id: str = Field("", description="distinguishes two sweeps of the same name")
    dataset: str = Field(description="name of the data set")
    source: str = Field(
        "", description="where its rows come from: catalog, an id on the hub, or the training file with its folder"
    )
    objective: str = Field(description="metric that ranks trials, such as validation/accuracy")
    direction: Literal["maximize", "minimize"] = Field("maximize", description="which values of it are better")
    num_trials: int = Field(description="trials of the search")
    subsample: dict[str, int] = Field(description="rows used of a split, where `limit` takes only a part")
    resolved: dict[str, str] = Field(description="revision or digest of the data set, its rows and each encoder")
    training: dict[str, Scalar] = Field(default_factory=dict, description="hyperparameters that do not vary")
    labels: list[str] = Field(description="names of the classes")
    task: Task = Field("single_label", description="single_label, or multi_label for any number of labels of a text")
    ordered_classes: bool = Field(False, description="True if the classes are in the order of a scale")
    threads: int = Field(description="CPU threads of a trial")
    gpu: float = Field(description="GPUs of a trial; of trials with different shares, the mean")
    test_split: TestSplitInfo | None = Field(description="the test split, where there is one")
    class_counts: dict[str, dict[str, int]] = Field(default_factory=dict, description="texts by split and class")
    data_warnings: list[str] = Field(
        default_factory=list, description="things about the data that may be mistakes, as shown at the start"
    )
    test_warnings: list[str] = Field(
        default_factory=list,
        description="those that readers of test scores must know, such as texts that train has too",
    )
    test_accesses: list[TestAccess] = Field(description="every scoring of the test split, in order of time")
    systems: list[SystemResult] = Field(description="results by system, in the order of the search space")
    study_variance: list[StudyVariance | None] = Field(
        default_factory=list, description="by system, what would become of it in redrawn searches"
    )
    trial_results: list[TrialResult] = Field(default_factory=list, description="every trial, by number")
    search: SearchResult | None = Field(None, description="what the search used, and what ended it")
    learned_from: list[LearnedFrom] = Field(default_factory=list, description="what it borrowed from earlier sweeps")

    @classmethod
    def parse(cls, values: object, remedy: str = "run the sweep's command again") -> Self:
        """Return results from plain values, as results.json has them.

        Raises RecordError with the first wrong place and the `remedy`.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(key) for key in first["loc"])
            name = values.get("sweep", "a sweep") if isinstance(values, Mapping) else "a sweep"
            where = f" at {place}" if place else ""
            raise RecordError(f"{name}: its results are damaged{where}: {first['msg']}; {remedy}") from None

    def to_json(self) -> str:
        """Return the text of results.json. Metrics may be Infinity or NaN, as Python writes them."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: what results.json holds."""
        return self.model_dump(mode="json")

    @property
    def rows(self) -> str:
        """The digest of the rows of all splits. With the name, it identifies the data set."""
        return self.resolved.get("rows", "")

    @property
    def sign(self) -> int:
        """1 where larger values of the objective are better, else -1."""
        return 1 if self.direction == "maximize" else -1

    @property
    def last_test_access(self) -> tuple[int, str]:
        """The key that orders sweeps of a system: the time of the last test access, 0 without any, then the name."""
        return max((access.at for access in self.test_accesses), default=0), self.sweep

    @property
    def confirmations(self) -> list[ConfirmationResult]:
        """The confirmed settings of all systems that have one."""
        return [system.confirmation for system in self.systems if system.confirmation is not None]

    @property
    def fresh_seeds(self) -> list[TrialResult]:
        """The trainings with fresh seeds, also those of a confirmation that is not decided or no longer asked for."""
        return [trial for trial in self.trial_results if trial.source_trial]

    @property
    def budgeted_trials(self) -> list[TrialResult]:
        """The trials of the search that count against its budget, in order: all but users' clones."""
        return [trial for trial in self.trial_results if not trial.source_trial and not trial.clone_of]

    @property
    def confirmed_trials(self) -> list[int]:
        """The trials that trained the confirmed settings with fresh seeds."""
        return [seed.trial for confirmation in self.confirmations for seed in confirmation.seeds]

    @property
    def ranked_confirmations(self) -> dict[int, ConfirmationResult]:
        """The confirmed settings that have a mean over fresh seeds, by index of their system. The winner is first."""
        confirmed = {
            index: (self.sign * system.confirmation.mean, system.confirmation)
            for index, system in enumerate(self.systems)
            if system.confirmation is not None and system.confirmation.mean is not None
        }
        return {index: confirmed[index][1] for index in sorted(confirmed, key=lambda index: -confirmed[index][0])}

    @property
    def best_trial(self) -> int | None:
        """The trial of the search that has the best setting of all systems; None if no trial has a score.

        Where settings were confirmed, it is the setting of the winner.
        """
        for winner in self.ranked_confirmations.values():
            return winner.source_trial
        settings = [system.best for system in self.systems if system.best is not None]
        best = max(settings, key=lambda setting: (setting.completed, self.sign * setting.mean), default=None)
        return None if best is None else best.trial

    @property
    def best_model_trial(self) -> int | None:
        """The trial whose model a sweep keeps: of the winner, the seed that is best on validation; None without one.

        It is that of `protocol.confirmation.best_model_trial`, which reads the record.
        """
        for winner in self.ranked_confirmations.values():
            scores = {seed.trial: seed.metrics.get(self.objective) for seed in winner.models}
            known = {trial: self.sign * score for trial, score in scores.items() if score is not None}
            return max(known, key=lambda trial: known[trial], default=None)
        return None

    def trials(self) -> "pd.DataFrame":
        """Return one row per trial: its system, hyperparameters, seed, outcome, score, cost and metrics.

        Hyperparameters and metrics have a column each, named as in MLflow (`alpha`, `validation/accuracy`); a
        hyperparameter that does not apply to a trial is missing there. A metric that has the name of a hyperparameter
        is `metric/NAME`, such as `metric/learning_rate`, the rate at the best validation. `trained_epochs` are the
        epochs that a trial trained; `epochs` is the hyperparameter, if it is searched.
        """
        columns = [_field_column(name) for name in TrialResult.model_fields if name not in _SPREAD_FIELDS]
        return data_frame([_trial_row(trial) for trial in self.trial_results], [*columns, self.objective])


def _field_column(field: str) -> str:
    return "trained_epochs" if field == "epochs" else field


def _trial_row(trial: TrialResult) -> dict[str, object]:
    """Return the values of a trial by column. No two of them have the same column, in any search space."""
    fields = trial.model_dump(exclude=_SPREAD_FIELDS)
    taken = TrialResult.model_fields.keys() | TrainConfig.model_fields.keys()
    metrics = {**trial.metrics, **(trial.test or {})}
    return {
        **{_field_column(name): value for name, value in fields.items()},
        **trial.params,
        **{f"metric/{name}" if name in taken else name: value for name, value in metrics.items()},
    }
