"""Which runs of one sweep MLflow has: they are found, made, and deleted here, so that there is one of each.

Only making a run can be done twice, where the answer to the first time was lost; `look` finds that, and keeps the one
that was made first.
"""

import getpass
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlflow.entities import Run

from sweeper.tracking.client import (
    PARENT,
    ObservedClient,
    creation_order,
    identity_tags,
    open_store,
    run_number,
    search_sweep_runs,
)
from sweeper.tracking.trial_payload import stringify


@dataclass
class RemoteRun:
    """A run as MLflow had it when last heard of; `reports` of its trial are surely there."""

    id: str
    status: str
    tags: dict[str, str]
    params: dict[str, str]
    metrics: tuple[str, ...] = ()
    reports: int = 0
    checked: bool = False  # against the record
    tries: int = 0  # in a row, to send a file that MLflow did not take
    heard: int = 0  # the answers of MLflow until the last of these tries
    files: dict[str, str] = field(default_factory=dict)  # sent, by this command, and not in a tag yet: their digests
    described: bool = False  # by this command

    def has(self, tags: Mapping[str, str]) -> bool:
        """Whether the run has these tags."""
        return tags.items() <= self.tags.items()

    def lacks(self, params: Mapping[str, object]) -> dict[str, str]:
        """Those of these parameters that the run does not have, or has otherwise, as text."""
        return {name: text for name, text in stringify(params).items() if self.params.get(name) != text}


class RunRegistry:
    """The runs of one sweep in an MLflow store. A method is a few requests, and raises what MLflow's client raises.

    `artifacts` is where a new experiment keeps files, None for a server; `answered` is called after each answer; `id`
    tells the sweep from another of its name, made elsewhere or again.
    """

    def __init__(
        self, uri: str, sweep: str, dataset: str, artifacts: str | None, answered: Callable[[], None], id: str = ""
    ) -> None:
        self.uri, self.sweep, self.dataset, self.artifacts = uri, sweep, dataset, artifacts
        self.identity = identity_tags(sweep, id)
        self.answered, self.answers = answered, 0
        self.client: Any = None
        self.experiment = ""
        self.known: dict[int, RemoteRun] = {}
        self.is_current = False  # False too after a run was asked for, until that was answered

    def _hear(self) -> None:
        self.answers += 1
        self.answered()

    def refresh(self) -> None:
        """Learn which runs there are. Of several for one trial, the first made stays; a missing parent is made."""
        self.client = self.client or ObservedClient(open_store(self.uri), self._hear)
        self.experiment = self.experiment or self._find_experiment()
        found: dict[int, list[Run]] = {}
        for run in search_sweep_runs(self.client, self.experiment, self.identity):
            found.setdefault(run_number(run), []).append(run)
        before, self.known = self.known, {}
        for which, runs in found.items():
            first, *others = sorted(runs, key=creation_order)
            for other in others:
                self.client.delete_run(other.info.run_id)
            self.known[which] = _known(first, before.get(which))
        self.is_current = True
        if PARENT not in self.known:
            self.create(PARENT, self.tags("sweep"), self.sweep)

    def _find_experiment(self) -> str:
        experiment = self.client.get_experiment_by_name(self.dataset)
        if experiment is not None:
            return str(experiment.experiment_id)
        kind = {"mlflow.experimentKind": "custom_model_development"}  # the UI opens it as training, not as GenAI
        return str(self.client.create_experiment(self.dataset, artifact_location=self.artifacts, tags=kind))

    def tags(self, stage: str) -> dict[str, str]:
        """The tags that say whose a run is, and of which stage."""
        return self.identity | {"sweeper.dataset": self.dataset, "sweeper.stage": stage}

    def create(self, which: int, tags: Mapping[str, str], name: str, start: int | None = None) -> RemoteRun:
        """Make a run. Where the answer is lost, the runs have to be looked up before another is made."""
        self.is_current = False
        created = str(time.time_ns() // 1_000_000)
        first = {"sweeper.created": created, "mlflow.runName": name, "mlflow.source.name": "sweeper", **_user()}
        answer = self.client.create_run(self.experiment, start_time=start, tags={**tags, **first})
        self.is_current = True
        self.known[which] = replace(_known(answer, None), checked=True)
        return self.known[which]

    def delete(self, which: int) -> None:
        """Delete a run; it is not known any more."""
        self.client.delete_run(self.known[which].id)
        del self.known[which]


def _user() -> dict[str, str]:
    """Who makes a run, for the column of the UI; a container may not know."""
    try:
        return {"mlflow.user": getpass.getuser()}
    except (OSError, KeyError):
        return {}


def _known(run: Run, before: RemoteRun | None) -> RemoteRun:
    data = run.data
    found = RemoteRun(run.info.run_id, run.info.status, dict(data.tags), dict(data.params), tuple(data.metrics))
    if before is not None and before.id == found.id:
        found.reports, found.checked = before.reports, before.checked
        found.tries, found.heard, found.files = before.tries, before.heard, before.files
        found.described = before.described
    return found
