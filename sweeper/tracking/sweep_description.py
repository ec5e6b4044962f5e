"""The description of a sweep in its own run: what it asks, its data, its budget, and what it used."""

import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

from sweeper.tracking.metric_names import metric_key
from sweeper.tracking.run_registry import RemoteRun
from sweeper.training.objective import ObjectiveMetric

TEST_SPLIT_TAG = "sweeper.test_split"  # digest of its rows
TEST_ACCESSES_TAG = "sweeper.test_accesses"  # their number in the record
NOTE_TAG = "mlflow.note.content"  # shown as Markdown on top of the run's page
_NOTE_DIGEST_TAG = "sweeper.note"  # the digest of the note that sweeper wrote last
_NOTE_DIGEST = 16  # characters
_MAX_DIGEST = 36  # characters


@dataclass(frozen=True)
class SplitInput:
    """One split as the sweep used it: how many texts it has, their digest, and where they come from.

    `kind` is one of MLflow's kinds of data sources: hugging_face or local. `source` identifies the source among those
    of its kind.
    """

    texts: int
    digest: str
    kind: str
    source: Mapping[str, str | None]


@dataclass(frozen=True)
class SweepDescription:
    """The description of a sweep. `params` define the sweep and never change; `tags` may, for example the budget.

    `objective` decides which epoch of a trial is its best. `searched` are the hyperparameters that differ between
    trials.
    """

    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    dataset: str = ""
    splits: Mapping[str, SplitInput] = field(default_factory=dict)
    objective: ObjectiveMetric = field(default_factory=ObjectiveMetric)
    searched: Sequence[str] = ()


def log_description(client: Any, run: RemoteRun, description: SweepDescription) -> None:
    """Log what the sweep's run is missing of its description. Each command logs the data set once."""
    missing_params = run.missing_params(description.params)
    changed_tags = {name: value for name, value in _tags(run, description).items() if run.tags.get(name) != value}
    if missing_params or changed_tags:
        params = [Param(name, value) for name, value in missing_params.items()]
        client.log_batch(run.id, params=params, tags=[RunTag(name, value) for name, value in changed_tags.items()])
        run.params |= missing_params
        run.tags |= changed_tags
    if description.splits and not run.has_inputs:
        inputs = [_input(description.dataset, name, split) for name, split in description.splits.items()]
        client.log_inputs(run.id, datasets=inputs)
        run.has_inputs = True


def _tags(run: RemoteRun, description: SweepDescription) -> dict[str, str]:
    """Return the tags that the run should have. A note that somebody wrote in MLflow's UI stays as it is."""
    tags, present = dict(description.tags), run.tags.get(NOTE_TAG)
    note = tags.pop(NOTE_TAG, None)
    if note is None or (present is not None and _digest(present) != run.tags.get(_NOTE_DIGEST_TAG)):
        return tags
    return tags | {NOTE_TAG: note, _NOTE_DIGEST_TAG: _digest(note)}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_NOTE_DIGEST]


def log_usage(client: Any, run: RemoteRun, usage: Mapping[str, float], at: int) -> None:
    """Log what was used until `at` (milliseconds since 1970) as metrics of the sweep's run. MLflow shows the latest.

    Of two values with the same time, MLflow shows the larger one. So one that replaces another is logged as of now.
    """
    metrics = {metric_key(name): value for name, value in usage.items()}
    changed = {name: value for name, value in metrics.items() if not _is_same(run.metrics.get(name), value)}
    if changed:
        is_replacement = bool(changed.keys() & run.metrics.keys())
        logged_at = max(at, int(time.time() * 1000)) if is_replacement else at
        client.log_batch(run.id, metrics=[Metric(name, value, logged_at, 0) for name, value in changed.items()])
        run.metrics = {**run.metrics, **changed}


def _is_same(stored: float | None, value: float) -> bool:
    return stored == value or (stored is not None and math.isnan(stored) and math.isnan(value))


def _input(dataset: str, name: str, split: SplitInput) -> DatasetInput:
    """Return a split as an MLflow data set, which MLflow identifies by name and digest."""
    source, profile = json.dumps(dict(split.source)), json.dumps({"num_rows": split.texts})
    entity = Dataset(f"{dataset} {name}", split.digest[:_MAX_DIGEST], split.kind, source, profile=profile)
    return DatasetInput(entity, [InputTag("mlflow.data.context", name)])
