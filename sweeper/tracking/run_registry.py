"""The runs of one sweep that MLflow has. They are found, created, ended and deleted here, so that each exists once.

Only the creation of a run can happen twice: MLflow may create it although its answer is lost. `refresh` finds such
duplicates and keeps the run that was created first.
"""

import getpass
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlflow.entities import Run

from sweeper.tracking.client import (
    PARENT,
    ROWS_TAG,
    ObservedClient,
    creation_order,
    find_experiment,
    identity_tags,
    open_store,
    run_number,
    search_sweep_runs,
)
from sweeper.tracking.tracked_sweep import TrackedSweep
from sweeper.trials.run_status import RunStatus

_KIND_TAG = "mlflow.experimentKind"
_INFERRED_KINDS = ("", "no_inferred_type", "genai_development_inferred", "custom_model_development_inferred")


@dataclass
class RemoteRun:
    """A run as MLflow had it at its latest answer."""

    id: str
    status: str
    tags: dict[str, str]
    params: dict[str, str]
    metrics: Mapping[str, float] = field(default_factory=dict)  # the last value of each
    reports: int = 0  # of the trial: so many are surely there
    is_verified: bool = False  # it has nothing that the record does not have
    has_params: bool = False  # it has every parameter of its trial
    lacks_rows: bool = False  # of reports that its tags count: MLflow lost them
    unlisted_files: dict[str, str] = field(default_factory=dict)  # digests of uploaded files not in the tag yet
    has_inputs: bool = False  # this command sent its data set

    def has_tags(self, tags: Mapping[str, str]) -> bool:
        """Return True if the run has these tags."""
        return tags.items() <= self.tags.items()

    def missing_params(self, params: Mapping[str, str]) -> dict[str, str]:
        """Return those of `params` that the run does not have, or has with another value."""
        return {name: text for name, text in params.items() if self.params.get(name) != text}


class RunRegistry:
    """The runs of one sweep in an MLflow store. A method makes a few requests, and raises what MLflow's client raises.

    `artifacts` is where a new experiment keeps its files, None to let a server decide. `on_answer` is called after each
    answer.
    """

    def __init__(self, uri: str, sweep: TrackedSweep, artifacts: str | None, on_answer: Callable[[], None]) -> None:
        """Note what to connect to. The first request is made by `refresh`."""
        self.uri, self.sweep, self.artifacts = uri, sweep, artifacts
        self.dataset = sweep.dataset
        self.identity = identity_tags(sweep.fingerprint, sweep.id)
        self.answers = 0  # how often MLflow has answered
        self.client: Any = None
        self.experiment = ""
        self.experiment_tags: dict[str, str] = {}
        self.by_number: dict[int, RemoteRun] = {}
        self.is_current = False  # False before the first refresh, and after a creation that was not answered
        self._on_answer = on_answer

    def _record_answer(self) -> None:
        self.answers += 1
        self._on_answer()

    def refresh(self) -> None:
        """Read which runs exist. Delete duplicates except the one created first; create a missing parent."""
        self.client = self.client or ObservedClient(open_store(self.uri), self._record_answer)
        self.experiment = self.experiment or self._find_experiment()
        runs_by_number: dict[int, list[Run]] = {}
        for run in search_sweep_runs(self.client, self.experiment, self.identity):
            runs_by_number.setdefault(run_number(run), []).append(run)
        previous, self.by_number = self.by_number, {}
        for number, runs in runs_by_number.items():
            first, *duplicates = sorted(runs, key=creation_order)
            for duplicate in duplicates:
                self.client.delete_run(duplicate.info.run_id)
            self.by_number[number] = _remote_run(first, previous.get(number))
        self.is_current = True
        if PARENT not in self.by_number:
            self.create(PARENT, self.stage_tags("sweep"), self.sweep.name, self.sweep.started_at)

    def _find_experiment(self) -> str:
        """Return the id of the data set's experiment, which is created if it is missing."""
        name, experiment = find_experiment(self.client, self.dataset)
        if experiment is None:
            return self._create_experiment(name)
        self.experiment_tags = dict(experiment.tags)
        for tag, value in self._kind_tags().items():
            if tag not in experiment.tags or experiment.tags[tag] in _INFERRED_KINDS:
                self._tag_experiment(str(experiment.experiment_id), tag, value)
        return str(experiment.experiment_id)

    def _create_experiment(self, name: str) -> str:
        tags = self._kind_tags()
        id = str(self.client.create_experiment(name, artifact_location=self.artifacts, tags=tags))
        self.experiment_tags = tags
        return id

    def _kind_tags(self) -> dict[str, str]:
        """Return the tags of the experiment: its kind, and the digest of the data set's rows.

        A UI that goes by the kind shows runs as evaluations of GenAI without it; MLflow 3.17's goes by the address.
        """
        return {_KIND_TAG: "custom_model_development", **({ROWS_TAG: self.dataset.rows} if self.dataset.rows else {})}

    def tag_experiment(self, tag: str, value: str) -> None:
        """Give the experiment a tag. Without a request where it has the tag already, as far as known."""
        if self.experiment_tags.get(tag) != value:
            self._tag_experiment(self.experiment, tag, value)

    def _tag_experiment(self, experiment: str, tag: str, value: str) -> None:
        self.client.set_experiment_tag(experiment, tag, value)
        self.experiment_tags[tag] = value

    def stage_tags(self, stage: str) -> dict[str, str]:
        """Return the tags that say which sweep and which stage a run belongs to."""
        rows = {ROWS_TAG: self.dataset.rows} if self.dataset.rows else {}
        return self.identity | rows | {"sweeper.dataset": self.dataset.name, "sweeper.stage": stage}

    def create(self, number: int, tags: Mapping[str, str], name: str, start: int | None = None) -> RemoteRun:
        """Create a run that started at `start`, in milliseconds since 1970; None for now.

        If the answer is lost, the registry has to be refreshed before another run is created.
        """
        self.is_current = False
        created = str(time.time_ns() // 1_000_000)
        origin = {"sweeper.created": created, "mlflow.runName": name, "mlflow.source.name": "sweeper", **_user_tag()}
        run = self.client.create_run(self.experiment, start_time=start, tags={**tags, **origin})
        self.is_current = True
        self.by_number[number] = replace(_remote_run(run, None), is_verified=True)
        return self.by_number[number]

    def id_of(self, number: int) -> str:
        """Return the id of a run, "" if it does not exist."""
        return self.by_number[number].id if number in self.by_number else ""

    def reopen(self, run: RemoteRun) -> None:
        """Give a run that has ended the status RUNNING."""
        if run.status != RunStatus.RUNNING:
            self.client.update_run(run.id, status=RunStatus.RUNNING)
            run.status = RunStatus.RUNNING

    def terminate(self, run: RemoteRun, status: RunStatus, ended_at: int | None = None) -> None:
        """End a run with this status at `ended_at`, in milliseconds since 1970; None for now."""
        self.client.set_terminated(run.id, status, end_time=ended_at)
        run.status = status

    def delete(self, number: int) -> None:
        """Delete a run from MLflow and from this registry."""
        self.client.delete_run(self.by_number[number].id)
        del self.by_number[number]


def _user_tag() -> dict[str, str]:
    """Return the tag that names the user in MLflow's UI; none in a container without user names."""
    try:
        return {"mlflow.user": getpass.getuser()}
    except (OSError, KeyError):
        return {}


def _remote_run(run: Run, previous: RemoteRun | None) -> RemoteRun:
    """Return a run as MLflow has it now, with what is known of it from before."""
    data = run.data
    remote = RemoteRun(run.info.run_id, run.info.status, dict(data.tags), dict(data.params), dict(data.metrics))
    if previous is None or previous.id != remote.id:
        return remote
    return replace(
        previous,
        status=remote.status,
        tags=remote.tags,
        params=remote.params,
        metrics=remote.metrics,
        has_params=False,
    )
