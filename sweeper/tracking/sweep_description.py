"""What the sweep's own run in MLflow says beside its trials: the question, the data, the budget and what was used."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

from sweeper.tracking.run_registry import RemoteRun

_DIGEST = 36  # characters that MLflow has for a data set's digest


@dataclass(frozen=True)
class SplitSummary:
    """One split as it was used: how many texts it has, their digest, and where they come from.

    `kind` and `source` are as MLflow has sources of data: hugging_face or local, and what tells one from another.
    """

    texts: int
    digest: str
    kind: str
    source: Mapping[str, str | None]


@dataclass(frozen=True)
class SweepDescription:
    """`params` are what makes the sweep, and never change; `tags` may, as the budget does; `splits` are `dataset`'s."""

    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    dataset: str = ""
    splits: Mapping[str, SplitSummary] = field(default_factory=dict)


def log_description(client: Any, run: RemoteRun, about: SweepDescription) -> None:
    """Give the sweep's run what it lacks of its description. A data set is sent once by each command."""
    missing, changed = run.lacks(about.params), {k: v for k, v in about.tags.items() if run.tags.get(k) != v}
    if missing or changed:
        params, tags = [Param(*param) for param in missing.items()], [RunTag(*tag) for tag in changed.items()]
        client.log_batch(run.id, params=params, tags=tags)
        run.params |= missing
        run.tags |= changed
    if about.splits and not run.described:
        client.log_inputs(run.id, datasets=[_input(about, name, rows) for name, rows in about.splits.items()])
        run.described = True


def log_usage(client: Any, run: RemoteRun, figures: Mapping[str, float], at: int) -> None:
    """Give the sweep's run figures of what was used until `at`, milliseconds since 1970; the newest are shown."""
    client.log_batch(run.id, metrics=[Metric(name, value, at, 0) for name, value in figures.items()])


def _input(about: SweepDescription, split: str, rows: SplitSummary) -> DatasetInput:
    """One split as MLflow has data sets: the same name and digest are the same data set there."""
    source, profile = json.dumps(dict(rows.source)), json.dumps({"num_rows": rows.texts})
    dataset = Dataset(f"{about.dataset} {split}", rows.digest[:_DIGEST], rows.kind, source, profile=profile)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", split)])
